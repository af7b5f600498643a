# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# An installation: one folder with one project name and its own data, on an engine of this host. Setup changes no other one.

# Waits until no other setup works in this folder: two would write the same files. The lock of a killed setup is removed.
take_lock() {
  local holder problem attempts=0 empty=0 said=''
  until problem=$(LC_ALL=C mkdir -m 755 -- "$lock" 2>&1); do
    if [ ! -d "$lock" ]; then
      # Another setup has just removed its lock, or nothing can be written.
      attempts=$((attempts + 1))
      [ "$attempts" -lt 3 ] ||
        refuse folder "$root" "cannot be written by setup: ${problem##*: }" \
          'run setup as the owner of the folder, on a file system that is not read-only and has free space'
      continue
    fi
    holder=$(cat -- "$lock/process" 2>/dev/null) || holder=''
    # After a restart of the host, another process may have its number.
    if [ -s "$lock/boot" ] && [ -n "$holder" ] && [ "$(cat -- "$lock/boot")" != "$(boot_id)" ]; then
      discard_lock "$holder" || refuse_lock
      continue
    fi
    # Between mkdir and the next line, a lock has no process.
    if [ -n "$holder" ]; then empty=0; else empty=$((empty + 1)); fi
    if [ "$empty" -gt 10 ] || { [ -n "$holder" ] && ! is_alive "$holder"; }; then
      discard_lock "$holder" || refuse_lock
      empty=0
      continue
    fi
    if [ -z "$said" ] && { [ -n "$holder" ] || [ "$empty" -gt 1 ]; }; then
      say "Waiting for another setup in this folder (process ${holder:-unknown}); if no setup is running: rm -r $lock"
      said=yes
    fi
    sleep 1
  done
  locked=yes
  problem=$( (export LC_ALL=C && umask 022 && boot_id >"$lock/boot" && printf '%s' "$$" >"$lock/process") 2>&1) ||
    refuse folder "$root" "cannot be written by setup: ${problem##*: }" "to see whether the disk is full: df -h $root; and who owns the folder: ls -ld $root"
}

# Prints an id of this start of the host, on Linux.
boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || true; }

refuse_lock() { refuse folder "$root" 'has a lock of a setup that has ended, which this user cannot remove' "as its owner: rm -r $lock"; }

# Removes the lock of a killed setup, unless another one has just taken it over. Fails if this user may not.
discard_lock() { # PROCESS
  mv -- "$lock" "$lock.$$" 2>/dev/null || {
    [ ! -d "$lock" ] || [ "$(cat -- "$lock/process" 2>/dev/null)" != "$1" ]
    return
  }
  if [ "$(cat -- "$lock.$$/process" 2>/dev/null)" = "$1" ]; then rm -rf -- "$lock.$$"; else mv -- "$lock.$$" "$lock"; fi
}

release_lock() { if [ -n "$locked" ]; then rm -rf -- "$lock"; fi; }

# A process of another user is alive too, although it cannot be signalled.
is_alive() { # PROCESS
  kill -0 "$1" 2>/dev/null || case $(LC_ALL=C kill -0 "$1" 2>&1) in *ermi*) true ;; *) false ;; esac
}

# Prints the first line, and reads the others: a program that writes them after `head` has ended dies of SIGPIPE, and setup with it.
first_line() {
  local line=''
  IFS= read -r line || true
  while IFS= read -r _; do :; done
  printf '%s' "$line"
}

# Prints a path without symbolic links, or as it is if this user cannot look there.
real_path() { (CDPATH='' cd -- "$1" 2>/dev/null && pwd -P) || printf '%s' "$1"; }

# Whether a folder has no installation any more: none of its Compose files exists. One that this user cannot look into may have one.
is_gone() { # FOLDER FILES: separated by commas
  local visible=$1 file files=$1/docker-compose.yml,$2,
  while [ -d "$1" ] && [ -n "$files" ]; do
    file=${files%%,*} files=${files#*,}
    [ ! -f "$file" ] || return 1
  done
  until [ -d "$visible" ]; do visible=$(dirname -- "$visible"); done
  [ -x "$visible" ]
}

# Prints an image's name as people write it. Podman has a registry in each name.
short_name() { # NAME
  local name=${1#docker.io/library/}
  printf '%s' "${name#localhost/}"
}

# Refuses the project name of another installation, whose containers this setup would replace, and a build of the image that it runs.
refuse_other_installations() {
  local project folder used load=''
  if [ "$container_engine" = podman ]; then load=' --output type=oci,dest=openclaw.tar; then podman load -i openclaw.tar'; fi
  while IFS='|' read -r project folder used _; do
    [ "$project" != "$project_name" ] ||
      refuse COMPOSE_PROJECT_NAME "$project_name" "is the project name of another installation, in $folder" \
        "choose another one: COMPOSE_PROJECT_NAME=$project_name-2 scripts/docker/setup.sh"
    if [ -z "$built" ] || [ -n "$offline$rollback$quadlet" ] || [ "$(short_name "$used")" != "$image" ]; then continue; fi
    refuse OPENCLAW_IMAGE "$image" "is the image of another installation, in $folder, and a build would replace it" \
      "give yours another name: npm run image:build -- --tag openclaw:$project_name$load; then OPENCLAW_IMAGE=openclaw:$project_name scripts/docker/setup.sh --offline"
  done < <(other_containers)
  refuse_used_data "$container_engine"
  if has_other_engine; then refuse_used_data "$other_engine"; fi
  if [ "$container_engine" = podman ]; then return 0; fi
  for other_host in $(other_docker_hosts); do refuse_used_data docker; done
  other_host=''
}

other_host='' # address of another Docker Engine of this host

# Prints the addresses of other Docker Engines of this host: Docker's, a rootless one, and those of contexts.
other_docker_hosts() {
  {
    printf '%s\n' unix:///var/run/docker.sock "unix://${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/docker.sock"
    if [ -d "${DOCKER_CONFIG:-$HOME/.docker}/contexts" ]; then docker context ls --format '{{.DockerEndpoint}}' 2>/dev/null; fi
  } | while IFS= read -r address; do
    if [ "$address" != "${engine_host:-}" ] && [ -S "${address#unix://}" ]; then printf '%s\n' "$address"; fi
  done
}

other_engine='' # Docker or Podman, the one that setup does not use

# Whether this host has the other engine too. One on another machine has no containers with data of this host; the virtual machine that
# Podman uses on macOS counts as remote, but mounts the folders of this host.
has_other_engine() {
  case $container_engine in
  docker)
    other_engine=podman
    type -P podman >/dev/null || return
    case ${OSTYPE:-}:$(podman info --format '{{.Host.ServiceIsRemote}}' 2>/dev/null) in *:false | darwin*:true) ;; *) return 1 ;; esac
    ;;
  podman)
    other_engine=docker
    case $(command docker --version 2>/dev/null) in Docker*) ;; *) return 1 ;; esac
    (engine_host=$(command docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) && is_local_engine)
    ;;
  esac
}

# Prints a line for each other gateway in this engine, and for each container of another program's project that has the name of this
# project: project|folder|name of the image|its id
other_containers() {
  local project service folder files image id ids=()
  for id in $(docker ps --all --quiet --filter label=com.docker.compose.project --filter label=com.docker.compose.oneoff=False); do ids+=("$id"); done
  # A container may end meanwhile. `docker ps` would print an id in place of a name that has moved to another image.
  inspect_containers '{{with .Config.Labels}}{{index . "com.docker.compose.project"}}|{{index . "com.docker.compose.service"}}|{{index . "com.docker.compose.project.working_dir"}}|{{index . "com.docker.compose.project.config_files"}}{{end}}|{{.Config.Image}}|{{.Image}}' \
    ${ids[@]+"${ids[@]}"} 2>/dev/null | while IFS='|' read -r project service folder files image id; do
    if [ "$service" != openclaw-gateway ] && [ "$project" != "$project_name" ]; then continue; fi
    if [ -z "$folder" ] || [ "$(real_path "$folder")" = "$root" ] || is_gone "$folder" "$files"; then continue; fi
    printf '%s|%s|%s|%s\n' "$project" "$folder" "$image" "$id"
  done || true
}

# Whether a mount gives a container a folder of this host, or a folder that contains it, at the place where the gateway looks.
mounts_folder() { # SOURCE>TARGET FOLDER PLACE
  local source=${1%>*} target=${1##*>}
  # Docker Desktop shows paths of its virtual machine.
  source=${source#/host_mnt}
  [ -n "$source" ] || return
  [ "$(real_path "$source")" = "$2" ] || { [ "${3#"$target"/}" != "$3" ] && [ "$(real_path "$source/${3#"$target"/}")" = "$2" ]; }
}

# Refuses data that another container uses, also one that Compose did not start.
refuse_used_data() { # ENGINE, of other_host if that is set
  local engine name project folder mounts mount holder data secrets own='' id ids=()
  engine=("$1" ${other_host:+--host "$other_host"})
  data=$(real_path "$config_dir") secrets=$(real_path "$secret_dir")
  # Docker's client may talk to Podman: then both list the same containers.
  if [ "$1$other_host" != "$container_engine" ]; then own=$(docker ps --quiet --no-trunc); fi
  for id in $(command "${engine[@]}" ps --quiet --no-trunc 2>/dev/null); do
    case $own in *"$id"*) ;; *) ids+=("$id") ;; esac
  done
  while IFS='|' read -r name project folder mounts; do
    if [ "$1$other_host" = "$container_engine" ] && [ "$project" = "$project_name" ]; then continue; fi
    holder="the container ${name#/}"
    if [ -n "$folder" ]; then holder="the gateway of another installation, in $folder"; fi
    if [ "$folder" = "$root" ]; then holder="the gateway of this folder in ${engine[*]}"; fi
    # read drops the last separator.
    mounts="${mounts%|}|"
    while [ -n "$mounts" ]; do
      mount=${mounts%%|*} mounts=${mounts#*|}
      ! mounts_folder "$mount" "$data" /home/node/.openclaw ||
        refuse OPENCLAW_CONFIG_DIR "$config_dir" "is in use by $holder" \
          "use other folders (OPENCLAW_CONFIG_DIR, OPENCLAW_WORKSPACE_DIR, OPENCLAW_AUTH_PROFILE_SECRET_DIR), or stop that container: ${engine[*]} stop ${name#/}"
      ! mounts_folder "$mount" "$secrets" /home/node/.config/openclaw ||
        refuse OPENCLAW_AUTH_PROFILE_SECRET_DIR "$secret_dir" "is in use by $holder" \
          "use a folder of its own; if this installation has logins, a copy of that folder, because it has their key. Or stop that container: ${engine[*]} stop ${name#/}"
    done
  done < <(inspect_containers_of "${engine[*]}" \
    '{{.Name}}|{{with .Config.Labels}}{{index . "com.docker.compose.project"}}|{{index . "com.docker.compose.project.working_dir"}}{{else}}|{{end}}|{{range .Mounts}}{{if .RW}}{{.Source}}>{{.Destination}}|{{end}}{{end}}' \
    ${ids[@]+"${ids[@]}"} 2>/dev/null)
}

has_volume() { docker volume inspect "$1" >/dev/null 2>&1; }

# Finds the home volume of an earlier installation. The gateway's own setup lets Compose put the project's name before that of the volume.
# One that was restored from a backup has no label.
# Without this, the gateway would start with an empty home.
find_home_volume() {
  local name found
  name=$(given OPENCLAW_HOME_VOLUME)
  if [ -z "$name" ] || has_volume "$name"; then return 0; fi
  found=$(docker volume ls --filter "label=com.docker.compose.volume=$name" --format '{{.Name}}' | grep -- "_$name\$") || found=''
  if has_volume "${project_name}_$name"; then found=${project_name}_$name; fi
  if [ -z "$found" ]; then
    found=$(docker volume ls --format '{{.Name}}' | grep -- "_$name\$") || return 0
    note "the volume $name is new and empty; there is also ${found//$'\n'/, }"
    return 0
  fi
  case $'\n'$found$'\n' in
  *$'\n'"${project_name}_$name"$'\n'*) ;;
  *)
    refuse OPENCLAW_HOME_VOLUME "$name" "does not exist, but other Compose projects have ${found//$'\n'/, }" \
      "for the home of an earlier installation: OPENCLAW_HOME_VOLUME=${found%%$'\n'*}; for an empty one: $container_engine volume create $name"
    ;;
  esac
  export OPENCLAW_HOME_VOLUME="${project_name}_$name"
  input env:OPENCLAW_HOME_VOLUME "$OPENCLAW_HOME_VOLUME"
  say "Using the volume $OPENCLAW_HOME_VOLUME of an earlier installation"
}
