# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# What the sandbox needs, looked at from where the gateway will look.

with_socket() { # not by --volume, which would make a folder of what is not there
  in_container --mount "type=bind,\"source=$socket\",target=/var/run/docker.sock" "$@"
}

sandbox_facts() {
  say 'Looking for what the sandbox needs'
  local group=''
  fact sandbox yes
  fact sandbox:socket "$socket"
  # Seen from within: a desktop's engine has paths and groups of its own.
  group=$(with_socket --user 0:0 --entrypoint sh "$image" -c 'test -S /var/run/docker.sock && stat -L -c %g /var/run/docker.sock' 2>/dev/null) || group=''
  if [ -n "$group" ]; then
    fact sandbox:is-socket yes
    fact sandbox:group "$group"
  fi
  if in_container --entrypoint docker "$image" --version >/dev/null 2>&1; then
    fact sandbox:has-cli yes
    if [ -n "$group" ] && with_socket --user 1000:1000 --group-add "$group" --entrypoint docker "$image" version >/dev/null 2>&1; then
      fact sandbox:answers yes
    fi
  fi
  ask sandbox-image
  take sandbox_image
  if ! has_image "$sandbox_image" && [ -z "$offline" ] && [ "$sandbox_image" = openclaw-sandbox:bookworm-slim ]; then
    say "Building $sandbox_image"
    if command -v npm >/dev/null 2>&1; then
      "$root/scripts/sandbox-setup.sh" || true
    else
      docker build --target sandbox --tag "$sandbox_image" --file "$root/dockerfiles/sandbox.Dockerfile" "$root/dockerfiles/sandbox" || true
    fi
  fi
  if has_image "$sandbox_image"; then fact sandbox:has-image yes; fi
}
