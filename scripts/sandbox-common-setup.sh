#!/bin/sh
# Builds the sandbox image with compilers. Options: scripts/run sandbox --help.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
exec "$here/run" sandbox common "$@"
