#!/usr/bin/env bash
# Docker's Compose for containers of Podman: scripts/docker/podman-compose.sh logs --follow openclaw-gateway
#
# Compose uses Docker's API. Podman can serve it, but few hosts do so all the time (systemctl --user enable --now podman.socket). If
# nothing serves it, this script does; the server ends five minutes after the last command.
set -euo pipefail

# Prints the path of Compose: a program of its own, or a plugin of Docker. Source: podman-compose(1), "compose_providers"
find_compose() {
  local folder
  if command -v docker-compose; then return 0; fi
  for folder in "${HOME:-/nonexistent}/.docker/cli-plugins" /usr/local/lib/docker/cli-plugins /usr/local/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins; do
    if [ -x "$folder/docker-compose" ]; then printf '%s' "$folder/docker-compose" && return 0; fi
  done
  return 1
}

api_answers() { podman --remote --url "$DOCKER_HOST" version >/dev/null 2>&1; }

compose=$(find_compose) || {
  printf 'docker-compose was not found. Install Compose 2.24 or newer; on Debian: apt install docker-compose\n' >&2
  exit 127
}
socket=$(podman info --format '{{.Host.RemoteSocket.Path}}' 2>/dev/null)
export DOCKER_HOST=unix://${socket#unix://}
if ! api_answers; then
  mkdir -p -- "$(dirname -- "${socket#unix://}")"
  podman system service --time 300 "$DOCKER_HOST" </dev/null >/dev/null 2>&1 &
  tries=0
  until api_answers || [ "$tries" -ge 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
fi
exec "$compose" "$@"
