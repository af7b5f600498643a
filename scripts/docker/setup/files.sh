# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# Writes the files of Compose, each one atomically.

# Replaces a file atomically, with mode 600. Does nothing if the content is the same.
write_file() { # PATH CONTENT
  local path=$1 content=$2 partial
  if [ -f "$path" ] && [ "$(cat -- "$path" && printf x)" = "${content}x" ]; then
    chmod 600 "$path"
    return 0
  fi
  partial=$(mktemp "$path.setup.XXXXXX")
  printf '%s' "$content" >"$partial"
  mv -f -- "$partial" "$path"
  note "wrote ${path#"$root/"}"
}

remove_file() {
  if [ -f "$1" ]; then rm -f -- "$1" && note "removed ${1#"$root/"}"; fi
}

# .env names the overlays, so it is written after new overlays exist, and before old ones are removed.
write_stack() { # ENV EXTRA SANDBOX: contents; empty: remove the file
  if [ -n "$2" ]; then write_file "$root/docker-compose.extra.yml" "$2"; fi
  if [ -n "$3" ]; then write_file "$root/docker-compose.sandbox.yml" "$3"; fi
  if [ -n "$1" ]; then write_file "$root/.env" "$1"; else remove_file "$root/.env"; fi
  if [ -z "$2" ]; then remove_file "$root/docker-compose.extra.yml"; fi
  if [ -z "$3" ]; then remove_file "$root/docker-compose.sandbox.yml"; fi
}
