#!/usr/bin/env bash
# Runs one command of the OpenClaw CLI with the engine's default capabilities:
#
#   scripts/docker/cli-no-dropped-caps.sh plugins install PACKAGE
#
# On some desktops, DNS fails in openclaw-cli (EAI_AGAIN) without the capability NET_RAW. Use this script for a single command that needs a
# registry. It does not affect the gateway.
set -euo pipefail

if [ $# -eq 0 ] || [ "$1" = --help ]; then
  echo 'usage: scripts/docker/cli-no-dropped-caps.sh COMMAND [ARG ...], for example: plugins install PACKAGE' >&2
  [ $# -gt 0 ] && exit 0
  exit 2
fi

cd "$(dirname -- "${BASH_SOURCE[0]}")/../.."
override=docker-compose.cli-no-dropped-caps.local.yml
printf '%s\n' 'services:' '  openclaw-cli:' '    cap_drop: !reset []' >"$override"

# The files in COMPOSE_FILE of .env, or the files that Compose finds itself.
files=$(sed -n 's/^COMPOSE_FILE=//p' .env 2>/dev/null | tail -n 1 | tr -d "\r'\"") || true
if [ -z "$files" ]; then
  files=docker-compose.yml
  if [ -f docker-compose.override.yml ]; then files=$files:docker-compose.override.yml; fi
fi
COMPOSE_FILE=$files:$override
COMPOSE_PATH_SEPARATOR=:
export COMPOSE_FILE COMPOSE_PATH_SEPARATOR
terminal=(-T)
if [ -t 0 ] && [ -t 1 ]; then terminal=(); fi
compose=(docker compose)
if [ "${CONTAINER_ENGINE:-$(sed -n 's/^CONTAINER_ENGINE=//p' .env 2>/dev/null)}" = podman ]; then compose=(scripts/docker/podman-compose.sh); fi
exec "${compose[@]}" run --rm ${terminal[@]+"${terminal[@]}"} openclaw-cli "$@"
