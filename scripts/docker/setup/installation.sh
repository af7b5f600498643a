# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# An installation: one folder with one project name and its own data, on an engine of this host. Setup changes no other one.

# Finds the engine's address as docker does: DOCKER_HOST, else the current Docker context.
# Source: https://docs.docker.com/engine/manage-resources/contexts/
find_engine_host() {
  engine_host=${DOCKER_HOST:-} engine_source=DOCKER_HOST
  if [ -n "$engine_host" ]; then return 0; fi
  engine_source='docker context'
  engine_host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || engine_host=''
}

is_local_engine() {
  local host=$engine_host
  case $host in
  '' | unix://* | npipe://* | fd://*) return 0 ;;
  tcp://*) host=${host#tcp://} host=${host%%/*} host=${host%:*} ;;
  *) return 1 ;;
  esac
  case $host in
  localhost | '[::1]') return 0 ;;
  # An address, not a name such as 127.0.0.1.example.org.
  127.*) case $host in *[!0-9.]*) return 1 ;; *) return 0 ;; esac ;;
  *) return 1 ;;
  esac
}

# Waits until no other setup works in this folder: two would write the same files. The lock of a killed setup is removed.
take_lock() {
  local holder waited=0
  until mkdir -- "$lock" 2>/dev/null; do
    [ -d "$lock" ] ||
      refuse folder "$root" 'cannot be written by setup' 'run setup as the owner of the folder, on a file system that is not read-only'
    holder=$(cat -- "$lock/process" 2>/dev/null) || holder=''
    if { [ -n "$holder" ] && ! is_alive "$holder"; } || { [ -z "$holder" ] && [ "$waited" -gt 10 ]; }; then
      # Only one of several waiting setups can rename it.
      if mv -- "$lock" "$lock.$$" 2>/dev/null; then rm -rf -- "$lock.$$"; fi
      continue
    fi
    if [ "$waited" -eq 0 ]; then say "Waiting for another setup in this folder (process ${holder:-unknown})"; fi
    waited=$((waited + 1))
    sleep 1
  done
  locked=yes
  printf '%s' "$$" >"$lock/process"
}

release_lock() { if [ -n "$locked" ]; then rm -rf -- "$lock"; fi; }

# A process of another user is alive too, although it cannot be signalled.
is_alive() { # PROCESS
  kill -0 "$1" 2>/dev/null || case $(LC_ALL=C kill -0 "$1" 2>&1) in *ermi*) true ;; *) false ;; esac
}

real_path() { CDPATH='' cd -- "$1" 2>/dev/null && pwd -P; }

# Refuses the project name of another installation, whose containers this setup would replace, and the data of a running one.
refuse_other_installations() {
  local id project folder source data
  data=$(real_path "$config_dir") || data=''
  while IFS='|' read -r id project folder; do
    # A folder that was moved or deleted has no installation any more.
    if [ ! -f "$folder/docker-compose.yml" ] || [ "$(real_path "$folder")" = "$root" ]; then continue; fi
    [ "$project" != "$project_name" ] ||
      refuse COMPOSE_PROJECT_NAME "$project_name" "is the project name of another installation, in $folder" \
        "choose another one: COMPOSE_PROJECT_NAME=$project_name-2 scripts/docker/setup.sh"
    if [ -z "$data" ] || [ "$(docker container inspect --format '{{.State.Running}}' "$id" 2>/dev/null)" != true ]; then continue; fi
    while IFS= read -r source; do
      [ "$(real_path "$source")" != "$data" ] ||
        refuse OPENCLAW_CONFIG_DIR "$config_dir" "is in use by the gateway of another installation, in $folder" \
          'use another folder, or stop that gateway: docker compose down'
    done < <(docker container inspect --format '{{range .Mounts}}{{println .Source}}{{end}}' "$id" 2>/dev/null)
  done < <(docker ps --all --filter label=com.docker.compose.service=openclaw-gateway --filter label=com.docker.compose.oneoff=False \
    --format '{{.ID}}|{{.Label "com.docker.compose.project"}}|{{.Label "com.docker.compose.project.working_dir"}}')
}
