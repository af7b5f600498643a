# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# Writes the files of Compose, each one atomically.

# Replaces a file atomically, with mode 600. Does nothing if the content is the same. A symbolic link stays: its file is replaced.
write_file() { # PATH CONTENT
  local path content=$2 partial
  path=$(link_target "$1") || fail "$1 cannot be written" 'It is a symbolic link whose target could not be read.' 'replace the link by its file'
  if [ -f "$path" ] && [ "$(cat -- "$path" && printf x)" = "${content}x" ]; then
    chmod 600 "$path"
    return 0
  fi
  partial=$(mktemp "$path.setup.XXXXXX")
  printf '%s' "$content" >"$partial"
  mv -f -- "$partial" "$path"
  note "wrote ${path#"$root/"}"
}

# Saves an overlay that somebody else wrote, before it is replaced or removed.
save_foreign() { # PATH CONTENT
  local saved=$1.saved number=2
  if [ ! -f "$1" ] || head -n 1 -- "$1" | grep -q '^# Written by scripts/docker/setup\.sh' || [ "$(cat -- "$1" && printf x)" = "${2}x" ]; then return 0; fi
  while [ -e "$saved" ]; do saved=$1.saved.$number number=$((number + 1)); done
  mv -- "$1" "$saved"
  note "saved your ${1#"$root/"} as ${saved#"$root/"}: setup writes this file itself; use docker-compose.override.yml for your own settings"
}

remove_file() {
  if [ -f "$1" ]; then rm -f -- "$1" && note "removed ${1#"$root/"}"; fi
}

# .env names the overlays, so it is written after new overlays exist, and before old ones are removed.
write_stack() { # ENV EXTRA SANDBOX: contents; empty: remove the file
  save_foreign "$root/docker-compose.extra.yml" "$2"
  save_foreign "$root/docker-compose.sandbox.yml" "$3"
  if [ -n "$2" ]; then write_file "$root/docker-compose.extra.yml" "$2"; fi
  if [ -n "$3" ]; then write_file "$root/docker-compose.sandbox.yml" "$3"; fi
  if [ -n "$1" ]; then write_file "$root/.env" "$1"; else remove_file "$root/.env"; fi
  if [ -z "$2" ]; then remove_file "$root/docker-compose.extra.yml"; fi
  if [ -z "$3" ]; then remove_file "$root/docker-compose.sandbox.yml"; fi
}
