# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# Provides the image: builds it, pulls it, or uses the one in the engine.

# Pulls an image. If OPENCLAW_IMAGE_TRUST requires a signature, it pulls the very digest that was verified.
pull() {
  local source=$1 trust
  trust=$(given OPENCLAW_IMAGE_TRUST)
  case $trust in
  '' | unsigned) ;;
  *)
    verify_published "$1" "$trust"
    source=$verified
    ;;
  esac
  say "Pulling $source"
  docker pull "$source" || {
    local hint="check its name, your login ($container_engine login) and the network"
    if has_image "$1"; then hint='the engine has this image; to run it without pulling: --offline'; fi
    fail "$1 could not be pulled" 'The error of the engine is above.' "$hint"
  }
  if [ "$source" != "$1" ]; then tag_image "$source" "$1"; fi
  case $trust in '' | unsigned) note 'its signature was not checked; to require one: OPENCLAW_IMAGE_TRUST=release' ;; esac
  pulled=$1
}

# Whether setup has set up this folder before. Only setup writes this variable.
is_set_up() {
  local folder
  folder=$(in_env_file OPENCLAW_CONFIG_DIR)
  [ -n "$folder" ] && [ -e "$folder" ]
}

unsigned='' # whether the user accepted images without a checked signature at this terminal

# The first setup starts the image that the user named. An update starts what a registry serves under a name later, so it needs the user's
# word, once: .env keeps it.
accept_unsigned() {
  [ -z "$(given OPENCLAW_IMAGE_TRUST)" ] || return 0
  local answer=''
  if [ -t 0 ] && [ -t 1 ]; then
    printf 'The signature of the new image was not checked. Accept this, now and in later updates? [y/N] '
    read -r answer || true
  fi
  case $answer in
  [yY] | [yY][eE][sS])
    unsigned=yes
    export OPENCLAW_IMAGE_TRUST=unsigned
    input env:OPENCLAW_IMAGE_TRUST unsigned
    ;;
  *)
    refuse OPENCLAW_IMAGE_TRUST '' "is not set, and this update starts another image than before: $image" \
      'require the signature of a release: OPENCLAW_IMAGE_TRUST=release; or accept images without: OPENCLAW_IMAGE_TRUST=unsigned. .env keeps it'
    ;;
  esac
}

verified='' # an image and its verified digest: ghcr.io/openclaw/openclaw@sha256:…

# Checks signature, provenance and SBOM of an image in a registry, for the platform of the engine.
verify_published() { # IMAGE TRUST
  local output args=()
  case $2 in release) ;; *) args=(--key "$2") ;; esac
  node_is_new_enough || command -v npm >/dev/null 2>&1 ||
    refuse OPENCLAW_IMAGE_TRUST "$2" 'needs Node.js, which this host does not have' 'install Node.js 20 with npm, or accept images without a signature: OPENCLAW_IMAGE_TRUST=unsigned'
  case $2 in
  /*) [ -f "$2" ] || refuse OPENCLAW_IMAGE_TRUST "$2" 'does not exist' 'give the public key that cosign generate-key-pair wrote' ;;
  esac
  say "Verifying the signature of $1"
  output=$("$root/scripts/run" release verify "$1" --platforms "$(engine_platform)" ${args[@]+"${args[@]}"}) || {
    printf '%s\n' "$output" >&2
    fail "$1 is not the image of a trusted release" 'The checks that failed are above. Nothing was pulled.' \
      'use a signed image, or accept images without a signature: OPENCLAW_IMAGE_TRUST=unsigned'
  }
  verified=${output%%$'\n'*}
  [[ $verified =~ @sha256:[0-9a-f]{64}$ ]] || fail "$1 could not be verified" 'The check printed no digest.' 'run scripts/run release verify to see its output'
  note "${output##*$'\n'}: ${verified##*@}"
}

# Builds with scripts/run if the host has Docker, and Node or npm; else with plain Docker or Podman from the same Dockerfile.
build_image() (
  for pair in ${build_variables[@]+"${build_variables[@]}"}; do export "${pair?}"; done
  if [ -n "$sandbox" ]; then export OPENCLAW_INSTALL_DOCKER_CLI=1; fi
  unset OPENCLAW_VARIANT # it would change the name of the image
  args=(--tag openclaw:local)
  # Compose looks for this name, and Podman keeps a health check in this format only. Podman before 5.6 has no COPY --link.
  if [ "$container_engine" = podman ]; then
    args=(--format docker --tag docker.io/library/openclaw:local)
  elif node_is_new_enough || command -v npm >/dev/null 2>&1; then
    cd "$root" || exit
    exec scripts/run build --tag openclaw:local
  fi
  for name in OPENCLAW_IMAGE_APT_PACKAGES OPENCLAW_DOCKER_APT_PACKAGES OPENCLAW_IMAGE_PIP_PACKAGES OPENCLAW_INSTALL_BROWSER OPENCLAW_INSTALL_DOCKER_CLI; do
    if [ -n "${!name:-}" ]; then args+=(--build-arg "$name"); fi
  done
  if [ "$container_engine" = podman ]; then
    sed 's/^COPY --link /COPY /' "$root/dockerfiles/package.Dockerfile" | podman build "${args[@]}" --file - "$root/dockerfiles"
  else
    # The former builder cannot read this Dockerfile.
    DOCKER_BUILDKIT=1 docker build "${args[@]}" --file "$root/dockerfiles/package.Dockerfile" "$root/dockerfiles"
  fi
)

# Without Node and npm, plain Docker builds the image, and the Dockerfile needs BuildKit.
require_builder() {
  local name value image
  image=$(given OPENCLAW_IMAGE openclaw:local)
  if [ -n "$offline" ] || [ "$image" != openclaw:local ]; then return 0; fi
  if [ "$container_engine" = podman ]; then
    for name in OPENCLAW_EXTENSIONS OPENCLAW_SOURCE; do
      value=$(given "$name")
      [ -z "$value" ] || refuse "$name" "$value" 'cannot be built by Podman' \
        'build the image with npm run image:build -- --output type=oci,dest=openclaw.tar; then podman load -i openclaw.tar, and setup --offline'
    done
    return 0
  fi
  if node_is_new_enough || command -v npm >/dev/null 2>&1; then return 0; fi
  for name in OPENCLAW_EXTENSIONS OPENCLAW_SOURCE; do
    value=$(given "$name")
    [ -z "$value" ] || refuse "$name" "$value" 'needs Node.js, which this host does not have' 'install Node.js 20 with npm, or leave the variable out'
  done
  if docker buildx version >/dev/null 2>&1; then return 0; fi
  refuse PATH docker-buildx 'was not found, and building the image needs it (or Node.js 20 with npm)' \
    'install it: https://docs.docker.com/go/buildx; or run a published image: OPENCLAW_IMAGE=ghcr.io/openclaw/openclaw:latest'
}

# Until the state is saved, the name of the image stays with the installed one: `docker compose run openclaw-cli` would start the gateway
# with an image that has just got the name. Meanwhile the new image has another name.
hold_next_image() {
  local id
  id=$(image_id "$image")
  if [ -z "$is_kept" ] || [ "$id" = "$installed_id" ] || [ "$(short_name "$image")" != "$(short_name "$was_image")" ]; then return 0; fi
  # Podman's name of the image has a registry, and with another one it would be another name.
  docker tag "$image" "$waiting_image" && tag_image "$kept_image" "$was_image" && next_image=$waiting_image provided_id=$id is_held=yes
}

# Prints the beginning of a command line that gives the name to an image that cannot be pulled again.
name_command() { if [ -n "$offline" ] && [ "$next_image" != "$image" ]; then printf '%s tag %s %s && ' "$container_engine" "$next_image" "$was_image"; fi; }

name_next_image() {
  if [ "$next_image" = "$image" ]; then return 0; fi
  docker tag "$next_image" "$was_image"
  next_image=$image
}

provide_image() {
  [ -z "$provided" ] || return 0
  provided=yes
  if [ -n "$offline" ]; then
    has_image "$image" || refuse OPENCLAW_IMAGE "$image" 'is not in the engine, and --offline does not pull' "load it first: $container_engine load -i FILE"
    say "Using $image from the engine"
    if [ -n "$is_kept" ] && [ "$(image_id "$image")" = "$installed_id" ] && has_image "$waiting_image" && [ "$(image_id "$waiting_image")" != "$installed_id" ]; then
      note "another image is there since an earlier run; to update to it: $container_engine tag $waiting_image $image && scripts/docker/setup.sh --offline"
    fi
  elif [ -n "$built" ]; then
    say "Building $image"
    build_image || fail "$image was not built" 'The error is above. Nothing was changed.' 'fix the problem and run setup again'
  elif [ "$pulled" != "$image" ]; then # choose_node may have pulled it already
    pull "$image"
  fi
  hold_next_image
  if [ -z "$offline$built" ] && is_set_up && [ "$installed_id" != "$(image_id "$next_image")" ]; then accept_unsigned; fi
  if [ "$container_engine" != podman ]; then return 0; fi
  # Docker's API completes a short name in another way than Podman's command.
  case $image in
  */*) ;;
  *) podman image exists "docker.io/library/$image" || refuse OPENCLAW_IMAGE "$image" 'is a short name, under which Compose finds no image' "write its full name: OPENCLAW_IMAGE=localhost/$image" ;;
  esac
}
