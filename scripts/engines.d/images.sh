# shellcheck shell=bash
# The two images that the engine cases need, made without a registry and kept: a Debian base by
# debootstrap, and agent-env built on it. Sourced by `engines`, never run.
: "${STATE:?}" "${CACHE:?}" "${ROOT:?}" "${IMAGE:?}" "${BASE:?}" "${RECIPE_LABEL:?}"

# What the image is made of, as a short digest: an edited recipe is built anew.
recipe() { cat "$ROOT"/images/agent-env/* | sha256sum | cut -c1-12; }

has_image() {
    [[ $(cli "$1" image inspect --format "{{index .Config.Labels \"$RECIPE_LABEL\"}}" "$IMAGE" \
        2>/dev/null) == "$2" ]]
}

# ENGINE: Docker builds and saves; Podman loads what Docker saved, or else builds for itself.
ensure_image() {
    local engine=$1 recipe saved
    recipe=$(recipe)
    saved=$CACHE/agent-env-$recipe.tar
    mkdir -p "$CACHE"
    if ! has_image "$engine" "$recipe"; then
        if [[ -f $saved ]]; then
            say "loading $IMAGE into $engine"
            cli "$engine" load --quiet --input "$saved" >&2
        else
            build_image "$engine" "$recipe"
        fi
        has_image "$engine" "$recipe" || fail "$engine has no $IMAGE of recipe $recipe after all"
    fi
    if [[ $engine == docker && ! -f $saved ]]; then
        cli docker save --output "$saved.part" "$IMAGE"
        mv "$saved.part" "$saved"
    fi
}

build_image() {
    local engine=$1 log=$STATE/$1/build.log options=()
    [[ $engine == docker ]] || options=(--format docker) # OCI's format has no health check
    ensure_base "$engine"
    say "building $IMAGE with $engine"
    cli "$engine" build "${options[@]}" --build-arg "BASE=$BASE" --label "$RECIPE_LABEL=$2" \
        --tag "$IMAGE" "$ROOT/images/agent-env" >"$log" 2>&1 ||
        fail "the build of $IMAGE failed; the end of $log: $(tail -n 5 "$log")"
}

ensure_base() {
    local engine=$1 log=$STATE/$1/build.log saved=$CACHE/base-bookworm.tar
    cli "$engine" image inspect "$BASE" >/dev/null 2>&1 && return
    [[ -f $saved ]] || bootstrap "$saved"
    cli "$engine" import "$saved" "$BASE" >"$log" 2>&1 ||
        fail "$engine could not import $saved: $(tail -n 3 "$log")"
}

# TARBALL: a minimal Debian. The folder goes whether or not this succeeds.
bootstrap() (
    install_missing debootstrap=debootstrap
    say "making a Debian base image"
    # Where apt gets this release from, the base comes from too: others may be out of reach.
    mirror=${AWL_DEBIAN_MIRROR:-}
    # shellcheck disable=SC2016 # apt-get expands
    [[ $mirror ]] || read -r mirror < <(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Codename: bookworm' 'Component: main') || true
    root=$(mktemp -d "$CACHE/root.XXXXXX")
    trap 'unmount_below "$root"; rm -rf --one-file-system "$root"' EXIT
    debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} \
        >"$CACHE/debootstrap.log" 2>&1 ||
        fail "debootstrap failed; the end of its log: $(tail -n 3 "$CACHE/debootstrap.log")"
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
    tar --directory "$root" --numeric-owner --create --file "$1.part" .
    mv "$1.part" "$1"
)
