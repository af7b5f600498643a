# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# The container engine: Docker, or Podman, whose command takes the arguments of the one of Docker.

# shellcheck source-path=SCRIPTDIR source=engine-address.sh
. "${BASH_SOURCE[0]%/*}/engine-address.sh"

container_engine=docker compose_command='docker compose' # for people
user_namespace=''                                        # of the containers, with Podman that is not root
chosen_namespace=''                                      # whether OPENCLAW_USERNS has it, not a value of the user's

# Chooses the engine that the user names, else the one of this host, and checks that it answers.
choose_engine() {
  case $(given CONTAINER_ENGINE) in
  podman) command -v podman >/dev/null 2>&1 || refuse CONTAINER_ENGINE podman 'was not found' 'install Podman: https://podman.io/docs/installation; or remove CONTAINER_ENGINE' ;;
  docker) command -v docker >/dev/null 2>&1 || refuse CONTAINER_ENGINE docker 'was not found' 'install Docker: https://docs.docker.com/engine/install; or remove CONTAINER_ENGINE' ;;
  # Setup reports a value that it does not know together with all other problems.
  *)
    if ! command -v podman >/dev/null 2>&1; then
      command -v docker >/dev/null 2>&1 ||
        refuse PATH docker 'was not found' "install Docker: https://docs.docker.com/engine/install; or, on Debian or Ubuntu as root: scripts/engine up && eval \"\$(scripts/engine env)\""
    # Without Docker, with Podman's package for people who type docker, or with a client that came with Compose, and no engine.
    elif ! command -v docker >/dev/null 2>&1 || [[ $(docker --version 2>/dev/null) = podman* ]] ||
      { [ -z "${DOCKER_HOST:-}" ] && [ ! -f "$root/.env" ] && ! docker version >/dev/null 2>&1; }; then
      use_podman
      return
    fi
    ;;
  esac
  if [ "$(given CONTAINER_ENGINE)" = podman ]; then use_podman; else use_docker; fi
}

use_docker() {
  local output
  # An earlier setup with Podman wrote it.
  if [ -n "$(in_env_file OPENCLAW_USERNS)" ] && [ -z "${OPENCLAW_USERNS+set}" ]; then export OPENCLAW_USERNS=''; fi
  find_engine_host
  is_local_engine ||
    refuse "$engine_source" "${engine_host##*@}" "is an engine on another machine$(context_name), whose containers cannot mount folders of this machine" \
      "run setup on that machine, or choose the engine of this one: $(local_engine_command)"
  # Both questions at once: each takes a third of a second on a small host.
  exec 4< <(docker compose version --short 2>/dev/null)
  output=$(docker version --format '{{.Server.Version}}' 2>&1) ||
    case $output in
    *'permission denied'*)
      refuse "$engine_source" "${engine_host:-(not set)}" 'denies access to this user' \
        "join the docker group and log in again: sudo usermod --append --groups docker $(id -un)"
      ;;
    *)
      refuse "$engine_source" "${engine_host:-(not set)}" "does not answer$(context_name): $(printf '%s' "$output" | tail -n 1)" \
        'start Docker, or choose a running engine: docker context use NAME, or DOCKER_HOST; with Podman: CONTAINER_ENGINE=podman'
      ;;
    esac
  compose_version=$(sed 's/^v//' <&4)
  exec 4<&-
  require_compose 'https://docs.docker.com/compose/install'
}

use_podman() {
  local output status=0
  container_engine=podman compose_command=scripts/docker/podman-compose.sh
  # Setup reports a value that is neither docker nor podman.
  if [ -z "$(given CONTAINER_ENGINE)" ]; then export CONTAINER_ENGINE=podman; fi
  unset DOCKER_HOST
  # shellcheck disable=SC2317 # all other files call it
  docker() { if [ "$1" = compose ]; then "$root/$compose_command" "${@:2}"; else podman "$@"; fi; }
  # In one line: whether its containers run on another machine, whether it runs without root, and the address of its API.
  output=$(podman info --format '{{.Host.ServiceIsRemote}} {{.Host.Security.Rootless}} {{.Host.RemoteSocket.Path}}' 2>&1) ||
    refuse CONTAINER_ENGINE podman "does not work: $(printf '%s' "$output" | tail -n 1)" 'correct its installation: podman info must succeed'
  output=${output##*$'\n'} # warnings come first
  case $output in
  true*) refuse CONTAINER_ENGINE podman 'runs its containers on another machine' "use Docker's client with the address of that machine: CONTAINER_ENGINE=docker DOCKER_HOST=unix://PATH" ;;
  # The gateway's user in the container is this user of the host, who keeps access to the data.
  'false true '*) user_namespace=keep-id:uid=$(given OPENCLAW_UID "$(kept_id PUID)"),gid=$(given OPENCLAW_GID "$(kept_id PGID)") ;;
  esac
  # One in .env is that of an earlier setup, perhaps for another user.
  if [ -z "${OPENCLAW_USERNS:-}" ]; then chosen_namespace=yes && export OPENCLAW_USERNS=$user_namespace; fi
  output=${output##* }
  engine_host=unix://${output#unix://} engine_source=podman
  compose_version=$(docker compose version --short 2>/dev/null) || status=$?
  [ "$status" -ne 127 ] || refuse PATH docker-compose 'was not found in version 2.24 or newer, and the stack needs it' 'install Compose 2.24 or newer; on Debian 13: apt install docker-compose'
  compose_version=${compose_version#v}
  require_compose 'https://docs.docker.com/compose/install'
}

# Refuses to start a second gateway on the data of one that the other engine still has. It runs before .env is written.
refuse_other_engine() {
  local former id
  if [ ! -f "$root/.env" ]; then return 0; fi
  former=$(in_env_file CONTAINER_ENGINE)
  former=${former:-docker}
  if [ "$former" = "$container_engine" ] || ! command -v "$former" >/dev/null 2>&1; then return 0; fi
  # `command`, because docker may be a function.
  id=$(command "$former" ps --quiet --filter "label=com.docker.compose.project=$project_name" --filter label=com.docker.compose.service=openclaw-gateway 2>/dev/null | first_line) || id=''
  [ -z "$id" ] || refuse CONTAINER_ENGINE "$container_engine" "is another engine than $former, which runs the gateway of this installation" "stop that one first: $former rm --force $id"
}

require_compose() { # ADDRESS of its installation guide
  case $compose_version in
  2.[0-9].* | 2.1[0-9].* | 2.2[0-3].* | 1.* | '')
    refuse 'docker compose' "${compose_version:-(none)}" 'is too old; setup needs Compose 2.24 or newer' "install it: $1"
    ;;
  esac
}

inspect_containers() { inspect_containers_of "$container_engine" "$@"; } # FORMAT ID ...

# Prints a line for each container. Podman applies a format that has a range to the list of containers, and Docker to each container.
inspect_containers_of() { # ENGINE FORMAT ID ...
  local format=$2
  if [ "$1" = podman ]; then format="{{range .}}$format{{println}}{{end}}"; fi
  # `command`, because docker may be a function. Words: docker --host ADDRESS.
  # shellcheck disable=SC2086
  command $1 container inspect --format "$format" "${@:3}"
}

# Prints the command for systemd's services of Podman's user.
systemctl_command() { if [ -n "$user_namespace" ]; then printf 'systemctl --user'; else printf systemctl; fi; }

# Prints the platform of the engine: linux/amd64.
engine_platform() {
  case $container_engine in
  docker) docker version --format '{{.Server.Os}}/{{.Server.Arch}}' ;;
  podman) podman info --format '{{.Host.OS}}/{{.Host.Arch}}' ;;
  esac
}
