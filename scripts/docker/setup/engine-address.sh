# shellcheck shell=bash
# shellcheck disable=SC2034 # engine.sh and ClawDock use the variables
#
# The address of the engine. Also for zsh: ClawDock sources this file.

engine_host='' engine_source='' # the address, and where it comes from

# Finds the engine's address as docker does: DOCKER_HOST, else the current Docker context.
# Source: https://docs.docker.com/engine/manage-resources/contexts/
find_engine_host() {
  engine_host=${DOCKER_HOST:-} engine_source=DOCKER_HOST
  if [ -n "$engine_host" ]; then return 0; fi
  engine_source='docker context'
  engine_host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || engine_host=''
}

# Prints the name of the context that setup uses, in brackets.
context_name() {
  local name
  if [ "$engine_source" = 'docker context' ] && name=$(docker context show 2>/dev/null); then printf ' (context %s)' "$name"; fi
}

# Prints the command that chooses the engine of this machine.
local_engine_command() {
  if [ "$engine_source" = DOCKER_HOST ]; then printf 'unset DOCKER_HOST'; elif [ -n "${DOCKER_CONTEXT:-}" ]; then printf 'unset DOCKER_CONTEXT'; else printf 'docker context use default'; fi
}

# Prints the engine's socket, if containers can mount it: elsewhere than on Linux, and with Docker Desktop, the engine runs in a virtual
# machine, which does not have the socket of the host.
mountable_socket() {
  if [ -n "${DOCKER_HOST:-}" ]; then printf '%s' "$DOCKER_HOST" && return 0; fi
  case ${OSTYPE:-}:${engine_host:-} in
  linux*:unix://*/.docker/*) ;;
  linux*:unix://*) printf '%s' "$engine_host" ;;
  esac
}

is_local_engine() {
  local host
  host=$(printf '%s' "$engine_host" | tr '[:upper:]' '[:lower:]')
  case $host in
  '' | unix://* | npipe://* | fd://*) return 0 ;;
  tcp://*) host=${host#tcp://} ;;
  *://*) return 1 ;;
  esac
  host=${host%%/*}
  # The port, but not the end of an address in brackets.
  case $host in *']') ;; *) host=${host%:*} ;; esac
  case $host in
  localhost | '[::1]') return 0 ;;
  # An address, not a name such as 127.0.0.1.example.org.
  127.*) case $host in *[!0-9.]*) return 1 ;; *) return 0 ;; esac ;;
  *) return 1 ;;
  esac
}
