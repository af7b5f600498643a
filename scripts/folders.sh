# shellcheck shell=sh
# shellcheck disable=SC2034 # the scripts that read this file use cache
# Sets `cache`, the cache folder of this project: the same as build/home-folder.ts. An empty or relative XDG_CACHE_HOME counts as unset,
# and a service or a container may have no HOME.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6)
  HOME=${HOME:-/tmp}
  export HOME
fi
case ${XDG_CACHE_HOME:-} in
/*) cache=$XDG_CACHE_HOME/openclaw-image ;;
*) cache=$HOME/.cache/openclaw-image ;;
esac
