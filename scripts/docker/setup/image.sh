# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# The image: built, pulled, or as it is loaded.

pull() {
  say "Pulling $1"
  docker pull "$1" || {
    local way_out='check its name and your login (docker login), or the network'
    if has_image "$1"; then way_out='it is loaded: to run it as it is, use --offline'; fi
    fail "$1 could not be pulled" 'what the engine said is above' "$way_out"
  }
  pulled=$1
}

# With Node by our own builder; else the same Dockerfile with plain Docker.
build_image() (
  for pair in ${build_variables[@]+"${build_variables[@]}"}; do export "${pair?}"; done
  if [ -n "$sandbox" ]; then export OPENCLAW_INSTALL_DOCKER_CLI=1; fi
  unset OPENCLAW_VARIANT # would change the name
  if node_is_new_enough || command -v npm >/dev/null 2>&1; then
    cd "$root" || exit
    exec scripts/run build --tag openclaw:local
  fi
  [ -z "${OPENCLAW_EXTENSIONS:-}" ] ||
    refuse OPENCLAW_EXTENSIONS "$OPENCLAW_EXTENSIONS" 'is resolved with Node, and this host has none' 'install Node.js 20 with npm, or leave it out'
  args=()
  for name in OPENCLAW_IMAGE_APT_PACKAGES OPENCLAW_DOCKER_APT_PACKAGES OPENCLAW_IMAGE_PIP_PACKAGES OPENCLAW_INSTALL_BROWSER OPENCLAW_INSTALL_DOCKER_CLI; do
    if [ -n "${!name:-}" ]; then args+=(--build-arg "$name"); fi
  done
  exec docker build ${args[@]+"${args[@]}"} --tag openclaw:local --file "$root/dockerfiles/package.Dockerfile" "$root/dockerfiles"
)

provide_image() {
  [ -z "$provided" ] || return 0
  provided=yes
  if [ -n "$offline" ]; then
    has_image "$image" || refuse OPENCLAW_IMAGE "$image" 'is not loaded, and --offline pulls nothing' 'load it first: docker load -i FILE'
    say "Using $image as it is loaded"
  elif [ -n "$built" ]; then
    say "Building $image"
    build_image || fail "$image was not built" 'what happened is above; nothing was changed' 'mend it and run this again'
  elif [ "$pulled" != "$image" ]; then # it may have been needed to decide with
    pull "$image"
  fi
}
