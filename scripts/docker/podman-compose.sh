#!/usr/bin/env bash
# Docker's Compose for containers of Podman: scripts/docker/podman-compose.sh logs --follow openclaw-gateway
#
# Compose uses Docker's API. Podman can serve it, but few hosts do so all the time (systemctl --user enable --now podman.socket). If
# nothing serves it, this script does; the server ends five minutes after the last command.
set -euo pipefail

# Prints the first Compose that is new enough: a separate program, or a plugin of Docker. Source: podman-compose(1), "compose_providers"
find_compose() {
  local program
  for program in docker-compose "${HOME:-/nonexistent}/.docker/cli-plugins/docker-compose" /usr/local/lib/docker/cli-plugins/docker-compose \
    /usr/local/libexec/docker/cli-plugins/docker-compose /usr/lib/docker/cli-plugins/docker-compose /usr/libexec/docker/cli-plugins/docker-compose; do
    command -v "$program" >/dev/null 2>&1 || continue
    case $("$program" version --short 2>/dev/null) in
    2.2[4-9].* | v2.2[4-9].* | 2.[3-9][0-9].* | v2.[3-9][0-9].* | [3-9].* | v[3-9].* | [1-9][0-9].* | v[1-9][0-9].*) printf '%s' "$program" && return 0 ;;
    esac
  done
  return 1
}

api_answers() { podman --remote --url "$DOCKER_HOST" version >/dev/null 2>&1; }

compose=$(find_compose) || {
  printf 'Compose 2.24 or newer was not found. Install it: https://docs.docker.com/compose/install; on Debian 13: apt install docker-compose\n' >&2
  exit 127
}
socket=$(podman info --format '{{.Host.RemoteSocket.Path}}')
export DOCKER_HOST=unix://${socket#unix://}
if ! api_answers; then
  mkdir -p -- "$(dirname -- "${socket#unix://}")"
  # In another session: Ctrl-C in this terminal must not end it for another one.
  serve=(podman system service --time 300 "$DOCKER_HOST")
  if command -v setsid >/dev/null 2>&1; then serve=(setsid "${serve[@]}"); fi
  messages=$(mktemp)
  "${serve[@]}" </dev/null >"$messages" 2>&1 &
  tries=0
  until api_answers; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ]; then
      printf 'Podman does not serve its API on %s. Its messages:\n' "$DOCKER_HOST" >&2
      cat -- "$messages" >&2
      rm -f -- "$messages"
      exit 1
    fi
    sleep 0.1
  done
  rm -f -- "$messages"
fi
exec "$compose" "$@"
