# shellcheck shell=bash
# Podman twice: as root on a bridge of its own, and as a plain user (rootless). Sourced by
# `engines`, never run.
: "${STATE:?}" "${PODMAN:?}" "${ROOTLESS:?}" "${podman:?}"

start_podman() {
    install_podman iptables=iptables ip=iproute2 /usr/lib/podman/netavark=netavark
    local subnet
    subnet=$(subnet_of podman)
    mkdir -p "$PODMAN/networks"
    configure "$PODMAN" "$(storage_driver overlay unshare --mount)"
    configure_bridge "$subnet"
    add_bridge "$(bridge_of podman)" "$subnet"
    forward_packets
    launch podman "$PODMAN/podman.sock" \
        "${podman[@]}" system service --time=0 "unix://$PODMAN/podman.sock"
}

install_podman() {
    install_missing podman=podman runc=runc conmon=conmon tini-static=tini "$@"
}

# HOME DRIVER -> Podman's files. Limits cannot be raised everywhere, so modest ones are asked for
# by name; without systemd, cgroups, events and logs have to be plain files. The static folder is the
# one that follows from the root: what cleans up after a container is told the root alone, and would
# else find no such container (and whoever ran it waits 20 s for that). The monitor of an exec session
# outlives it by exit_command_delay, which is five minutes where nothing else is said.
configure() {
    cat >"$1/storage.conf" <<END
[storage]
driver = "$2"
graphroot = "$1/root"
runroot = "$1/run"
END
    cat >"$1/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
init_path = "$(command -v tini-static)"
log_driver = "k8s-file"
[engine]
init_path = "$(command -v tini-static)"
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
exit_command_delay = 10
lock_type = "file"
static_dir = "$1/root/libpod"
tmp_dir = "$1/tmp"
volume_path = "$1/volumes"
END
}

# SUBNET (as 10.0.0.0/24)
configure_bridge() {
    cat >>"$PODMAN/containers.conf" <<END
[network]
network_backend = "netavark"
network_config_dir = "$PODMAN/networks"
END
    cat >"$PODMAN/networks/podman.json" <<END
{
  "name": "podman",
  "id": "$(printf podman | sha256sum | cut -d' ' -f1)",
  "driver": "bridge",
  "network_interface": "$(bridge_of podman)",
  "created": "2024-01-01T00:00:00Z",
  "subnets": [{"subnet": "$1", "gateway": "${1%0/24}1"}],
  "ipv6_enabled": false,
  "internal": false,
  "dns_enabled": false,
  "ipam_options": {"driver": "host-local"}
}
END
}

# --- rootless -----------------------------------------------------------------------------------
# The user's name comes from the state folder's, as the bridges' do.
rootless_user() { printf 'awlr-%08x\n' "$(state_number)"; }

start_rootless() {
    install_podman newuidmap=uidmap slirp4netns=slirp4netns
    local user
    user=$(rootless_user)
    mkdir -p "$ROOTLESS"
    id "$user" >/dev/null 2>&1 ||
        useradd --no-create-home --home-dir "$ROOTLESS" --shell /usr/sbin/nologin "$user"
    if ! grep -qs "^$user:" /etc/subuid || ! grep -qs "^$user:" /etc/subgid; then
        fail "useradd gave $user no range in /etc/subuid and /etc/subgid; see login.defs(5)"
    fi
    [[ -c /dev/net/tun ]] ||
        fail "there is no /dev/net/tun, which the network of rootless containers is made with"
    chown "$user:" "$ROOTLESS"
    local as_user=(env -i "PATH=$PATH" "HOME=$ROOTLESS" "XDG_RUNTIME_DIR=$ROOTLESS/xdg"
        "CONTAINERS_CONF=$ROOTLESS/containers.conf" DISABLE_HC_SYSTEMD=true
        "CONTAINERS_STORAGE_CONF=$ROOTLESS/storage.conf"
        setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all)
    local within=("${as_user[@]}" unshare --map-root-user --mount)
    "${within[@]}" true || fail "the kernel gives $user no user namespace; see user_namespaces(7)"
    "${as_user[@]}" mkdir -p -m 700 "$ROOTLESS/xdg"
    configure "$ROOTLESS" "$(storage_driver overlay "${within[@]}")"
    # Containers reach this machine's loopback as 10.0.2.2: the suite's git server listens there.
    sed -i '/^\[engine\]/a network_cmd_options = ["allow_host_loopback=true"]' \
        "$ROOTLESS/containers.conf"
    [[ -e $ROOTLESS/tun ]] || mknod --mode=666 "$ROOTLESS/tun" c 10 200
    # Where a machine keeps /dev/net/tun to root, it stays so: the service sees one of its own, in
    # a mount namespace that ends with it.
    # shellcheck disable=SC2016 # the inner shell expands
    launch rootless "$ROOTLESS/rootless.sock" unshare --mount bash -euc '
        mount --make-rshared /
        mount --bind "$0" /dev/net/tun
        exec "$@"' "$ROOTLESS/tun" "${as_user[@]}" podman system service --time=0 \
        "unix://$ROOTLESS/rootless.sock"
    # Whoever may speak to it can do what this user can, which is nothing; and a case of the suite,
    # which is root in a namespace of its own, is none of the machine's users.
    chmod 666 "$ROOTLESS/rootless.sock"
}

# What containers leave beside their monitors: networks and the process that holds the namespaces.
end_processes_of_user() {
    local user entry
    user=$(id -u "$(rootless_user)" 2>/dev/null) || return 0
    for entry in /proc/[0-9]*; do
        [[ $(stat --format %u "$entry" 2>/dev/null) != "$user" ]] || kill -KILL "${entry#/proc/}" ||
            true
    done
}

drop_user() {
    local user
    user=$(rootless_user)
    ! id "$user" >/dev/null 2>&1 || userdel "$user" || say "the user $user could not be removed"
}
