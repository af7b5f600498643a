# shellcheck shell=sh
# shellcheck disable=SC2034 # the scripts that read this file use cache
# Sets `cache`, the cache folder of this project: the same as build/home-folder.ts. An empty or relative XDG_CACHE_HOME counts as unset,
# and a service or a container may have no HOME.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6 || :)
  if [ -z "$HOME" ]; then
    # Everybody may make folders in /tmp.
    HOME=/tmp/openclaw-image-$(id -u)
    mkdir -m 700 "$HOME" 2>/dev/null || :
    if [ -L "$HOME" ] || { [ -e "$HOME" ] && [ ! -O "$HOME" ]; }; then
      echo "openclaw-image: $HOME belongs to somebody else: set HOME, or XDG_CACHE_HOME and XDG_STATE_HOME" >&2
      exit 1
    fi
  fi
  export HOME
fi
case ${XDG_CACHE_HOME:-} in
/*) cache=$XDG_CACHE_HOME/openclaw-image ;;
*) cache=$HOME/.cache/openclaw-image ;;
esac
