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

CLAWDOCK_DIR=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
overlay=docker-compose.cli-no-dropped-caps.local.yml
# One that the user has written stays.
[ -f "$CLAWDOCK_DIR/$overlay" ] || printf '%s\n' 'services:' '  openclaw-cli:' '    cap_drop: !reset []' >"$CLAWDOCK_DIR/$overlay"
set +eu # the helpers are made for the shells of people
# shellcheck source-path=SCRIPTDIR source=../clawdock/clawdock-helpers.sh
. "$CLAWDOCK_DIR/scripts/clawdock/clawdock-helpers.sh"
# shellcheck disable=SC2034 # the helpers read it
_clawdock_last_file=$overlay
_clawdock_cli "$@"
