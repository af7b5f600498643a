#!/bin/sh
# Builds the image in which agents run their tools. Options: scripts/run sandbox --help.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
exec "$here/run" sandbox default "$@"
