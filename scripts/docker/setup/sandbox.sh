# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# Checks the requirements of the sandbox, from inside a container, as the gateway will use them.

with_socket() { # --mount, because --volume would create a folder if the socket does not exist
  in_container --mount "type=bind,\"source=$socket\",target=/var/run/docker.sock" "$@"
}

inspect_sandbox() {
  if [ "$container_engine" = podman ]; then
    # The server that setup starts for Compose ends after some minutes.
    $(systemctl_command) is-active --quiet podman.socket >/dev/null 2>&1 ||
      refuse OPENCLAW_SANDBOX 1 "needs Podman's API all the time, and podman.socket does not run" "start it: $(systemctl_command) enable --now podman.socket"
  fi
  say 'Checking the requirements of the sandbox'
  local group=''
  input sandbox yes
  input sandbox:socket "$socket"
  # Docker Desktop runs its engine in a virtual machine with other paths and groups, so look from a container.
  group=$(with_socket --user 0:0 --entrypoint sh "$next_image" -c 'test -S /var/run/docker.sock && stat -L -c %g /var/run/docker.sock' 2>/dev/null) || group=''
  # The image printed it.
  case $group in *[!0-9]*) group='' ;; esac
  if [ -n "$group" ]; then
    input sandbox:is-socket yes
    input sandbox:group "$group"
  fi
  if in_container --entrypoint docker "$next_image" --version >/dev/null 2>&1; then
    input sandbox:has-cli yes
    if [ -n "$group" ] && with_socket --user "$uid:$gid" --group-add "$group" --entrypoint docker "$next_image" version >/dev/null 2>&1; then
      input sandbox:answers yes
    fi
  fi
  decide sandbox-image
  take sandbox_image
  if ! has_image "$sandbox_image" && [ -z "$offline" ] && [ "$sandbox_image" = openclaw-sandbox:bookworm-slim ]; then
    say "Building $sandbox_image"
    if [ "$container_engine" = docker ] && command -v npm >/dev/null 2>&1; then
      "$root/scripts/sandbox-setup.sh" || true
    else
      docker build --target sandbox --tag "$sandbox_image" --file "$root/dockerfiles/sandbox.Dockerfile" "$root/dockerfiles/sandbox" || true
    fi
  fi
  if has_image "$sandbox_image"; then input sandbox:has-image yes; fi
}
