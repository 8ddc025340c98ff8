# shellcheck shell=bash
# What `engines` does to the machine, and how it takes that back: packages, processes, mounts,
# bridges, packet filter. Reads STATE, DOCKER and PODMAN; sourced, never run.
: "${STATE:?}"

say() { printf 'engines: %s\n' "$1" >&2; }
fail() {
    say "$1"
    exit 1
}

need_root() {
    [[ $EUID == 0 ]] || fail "$1 needs root: it starts daemons. Try: sudo scripts/engines $1"
}

# Packages must not start services of their own accord: the machine's engine is none of ours.
install_missing() {
    # Somebody else may be installing something at this moment.
    local need missing=() policy=/usr/sbin/policy-rc.d ours=no code=0 patience=DPkg::Lock::Timeout=300
    for need; do
        command -v "${need%=*}" >/dev/null || [[ " ${missing[*]-} " == *" ${need#*=} "* ]] ||
            missing+=("${need#*=}")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null ||
        fail "this machine lacks ${missing[*]}, and apt-get to get them; install them and try again"
    say "installing ${missing[*]}"
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        ours=yes
    fi
    {
        timeout 300 apt-get update -qq -o "$patience" &&
            DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -qq --yes -o "$patience" \
                --no-install-recommends "${missing[@]}"
    } >&2 || code=1
    [[ $ours == no ]] || rm -f "$policy"
    ((code == 0)) || fail "apt-get could not install ${missing[*]}; its words are above"
    hash -r
}

# --- the state folder ---------------------------------------------------------------------------
own_state() { [[ -f $STATE/.awl-engines ]]; }

# A marker says that a folder is ours to fill and to purge; anything else is left alone.
claim_state() {
    if ! own_state; then
        [[ -z $(ls -A "$STATE" 2>/dev/null) ]] ||
            fail "$STATE is neither empty nor made by this script; set AWL_ENGINES_HOME"
        mkdir -p "$STATE"
        chmod 0711 "$STATE" # others may reach into it, for what it lets them, and not look round
        : >"$STATE/.awl-engines"
    fi
    hold_lock
}

hold_lock() {
    exec 9>"$STATE/lock"
    flock --timeout 900 9 || fail "another 'engines' command has held $STATE/lock for 15 minutes"
}

# Overlays do not stack on every file system, and a CI container's root often is one itself.
# NAME COMMAND...: what the engine calls its overlay driver, and what runs another command in a mount
# namespace such as the engine's.
storage_driver() {
    local probe driver=vfs
    probe=$(mktemp -d "$STATE/probe.XXXXXX")
    chmod 755 "$probe"
    mkdir -m 777 "$probe/lower" "$probe/upper" "$probe/work" "$probe/merged"
    if "${@:2}" mount -t overlay overlay "$probe/merged" -o \
        "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" 2>/dev/null; then
        driver=$1
    else
        say "no overlay on $STATE: using the slow driver vfs"
    fi
    rm -rf "$probe"
    echo "$driver"
}

# --- processes ----------------------------------------------------------------------------------
# A pid alone may have been given away again; with its start tick (proc(5), field 22) it names
# one process for good. A zombie whose parent does not care is as good as gone.
start_tick() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra stat <<<"${stat##*) }" # the name, in brackets, may hold anything: count after it
    [[ ${stat[0]} != [ZX] ]] && echo "${stat[19]}"
}

alive() {
    local pid tick
    { read -r pid tick <"$1"; } 2>/dev/null && [[ $tick == "$(start_tick "$pid")" ]]
}

is_up() { alive "$STATE/$1/pid"; }

# ENGINE SOCKET COMMAND...: starts the daemon and waits until it answers, at most a minute.
launch() {
    local engine=$1 socket=$2 home=$STATE/$1 deadline=$((SECONDS + 60))
    shift 2
    say "starting $engine"
    rm -f "$socket"
    # A session of its own outlives this shell; the lock must not stay with it. The pid stays the
    # same through exec, and setsid does not fork here: a script's child leads no process group.
    (exec setsid "$@" </dev/null >"$home/log" 2>&1 9>&-) &
    printf '%s %s\n' "$!" "$(start_tick "$!")" >"$home/pid"
    until [[ -S $socket ]] && answers "$engine"; do
        is_up "$engine" || fail "$engine ended at once; the end of $home/log: $(tail -n 3 "$home/log")"
        ((SECONDS < deadline)) || fail "$engine does not answer after 60 s; see $home/log"
        sleep 0.2
    done
}

# PIDFILE: asks, waits 20 s, insists, waits 5 s; 1 if it lives all the same.
end_process() {
    local pid signal deadline
    for signal in TERM KILL; do
        alive "$1" || return 0
        pid=$(cut -d' ' -f1 "$1")
        [[ $signal == TERM ]] || say "pid $pid has not ended in 20 s: killing it"
        kill -s "$signal" "$pid" 2>/dev/null || return 0
        deadline=$((SECONDS + 20))
        [[ $signal == TERM ]] || deadline=$((SECONDS + 5))
        while alive "$1" && ((SECONDS < deadline)); do sleep 0.1; done
    done
    ! alive "$1" || {
        say "pid $pid does not die; see $1"
        return 1
    }
}

# FOLDER: ends what a killed daemon left behind: helpers whose command line names our folder, and
# first their children, which are the containers.
end_strays() {
    local entry pid children ended=0
    for entry in /proc/[0-9]*; do
        case $(cat "$entry/comm" 2>/dev/null) in
        containerd | containerd-shim* | conmon) ;;
        *) continue ;;
        esac
        grep -qsF "$1" "$entry/cmdline" || continue
        pid=${entry#/proc/}
        read -ra children < <(cat "$entry"/task/*/children 2>/dev/null | tr '\n' ' ') || true
        kill -KILL "${children[@]}" "$pid" 2>/dev/null || true
        ended=$((ended + 1))
    done
    ((ended == 0)) || say "ended $ended left-over processes of ${1%/}"
}

# Deepest first, so that none is busy with another.
unmount_below() {
    local point
    awk -v top="$1/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        while read -r point; do umount "$point" || umount --lazy "$point"; done
}

# --- network ------------------------------------------------------------------------------------
# Names and subnets come from the state folder's name, so two of them do not meet.
state_number() { cksum <<<"$STATE" | cut -d' ' -f1; }

bridge_of() { printf 'awl%s-%08x\n' "${1:0:1}" "$(state_number)"; }

# ENGINE -> a /24 of 10.213.0.0/16 that no route of this machine meets; Docker's are even.
subnet_of() {
    local first net step own routes
    own=$(bridge_of "$1")
    first=$(($(state_number) % 128 * 2))
    [[ $1 == docker ]] || first=$((first + 1))
    for ((step = 0; step < 256; step += 2)); do
        net=10.213.$(((first + step) % 256)).0/24
        routes=$(ip -4 route show match "$net" && ip -4 route show root "$net")
        if [[ -z $(awk -v own="dev $own " 'NF && !/^default/ && !index($0 " ", own)' <<<"$routes") ]]; then
            echo "$net"
            return
        fi
    done
    fail "every subnet of 10.213.0.0/16 is routed elsewhere on this machine"
}

# NAME SUBNET. Left to itself a bridge takes the lowest address of its ports, so it changes as
# containers come and go; all others then send to an address that is nobody's, for half a minute.
add_bridge() {
    local number
    number=$(printf '%012x' "$(cksum <<<"$1" | cut -d' ' -f1)")
    ip link show "$1" >/dev/null 2>&1 || ip link add "$1" type bridge
    ip link set "$1" address "02:42:${number:4:2}:${number:6:2}:${number:8:2}:${number:10:2}"
    ip address replace "${2%0/24}1/24" dev "$1"
    ip link set "$1" up
    # Podman removes a bridge with its last port, and would make another with no address of its own.
    ip link show "k${1#awl}" >/dev/null 2>&1 || ip link add "k${1#awl}" type veth peer name "q${1#awl}"
    ip link set "k${1#awl}" master "$1"
}

# NAME: the bridge and the packet filter's rules that name it or its subnet. An engine's chains
# stay, empty: they have one name for every engine of the machine.
drop_bridge() {
    local subnet
    ip link show "$1" >/dev/null 2>&1 || return 0
    subnet=$(ip -4 -oneline address show dev "$1" | awk '{ sub(/1\/24/, "0/24", $4); print $4 }')
    iptables-save 2>/dev/null |
        awk -v bridge="$1" -v subnet="${subnet:-none}" '
            /^\*/ || /^COMMIT/ { print; next }
            /^-A/ && (index($0, bridge) || index($0, subnet)) { sub(/^-A/, "-D"); print }' |
        iptables-restore --noflush
    ip link delete "k${1#awl}" 2>/dev/null || true
    ip link delete "$1"
}

# Left to itself the engine would also make DROP the machine's policy for forwarded packets.
forward_packets() {
    local switch=/proc/sys/net/ipv4/ip_forward
    [[ -e $STATE/ip_forward ]] || cat "$switch" >"$STATE/ip_forward"
    echo 1 >"$switch"
}

restore_forwarding() {
    [[ -e $STATE/ip_forward ]] || return 0
    cat "$STATE/ip_forward" >/proc/sys/net/ipv4/ip_forward
    rm "$STATE/ip_forward"
}
