# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers are expanded in them
#
# Updates: another image for an existing installation. A gateway changes its databases when a newer version starts, and an older version
# cannot read them afterwards. So setup first starts the new image with a copy of the state, saves the state, and restores it if the
# update fails.

installed_id='' installed_version='' next_version='' undone_image=''
is_guessed='' # whether nothing says which image the installation runs, but the name in .env
HELPER_LABEL=ai.openclaw.setup # of containers that setup starts for itself

# Finds the image that the installation runs, its name, and its port: those of its container, or the image that the last setup recorded.
find_installed_image() {
  local container
  container=$(gateway_container --all | first_line)
  was_running=${container:+$(gateway_container)}
  # It may be removed meanwhile.
  if [ -n "$container" ] && read -r installed_id was_image before_port < <(inspect_containers \
    '{{.Image}} {{.Config.Image}} {{range (index .NetworkSettings.Ports "18789/tcp")}}{{.HostPort}} {{end}}' "$container"); then
    before_port=${before_port%% *}
    installed_version=$(image_version "$installed_id")
  elif [ -f "$snapshot_dir/installed" ]; then
    installed_id=$(sed -n 's/^image_id=//p' "$snapshot_dir/installed")
    installed_version=$(sed -n 's/^version=//p' "$snapshot_dir/installed" | LC_ALL=C tr -dc 'A-Za-z0-9._+-')
    was_image=$(in_env_file OPENCLAW_IMAGE)
  elif [ -z "$recovered" ] && [ -f "$root/.env" ]; then
    is_guessed=yes was_image=$(in_env_file OPENCLAW_IMAGE) was_image=${was_image:-openclaw:local}
    installed_id=$(image_id "$was_image") installed_version=$(image_version "$was_image")
  fi
  # A second tag keeps the image: an engine deletes an image without tags, even if a container runs from it.
  if [ -n "$installed_id" ] && docker tag "$installed_id" "$kept_image" 2>/dev/null; then is_kept=yes; fi
}

# Whether this run starts an existing state with another image than before, or with one that may be another. Without .env, as in a new
# clone, the configuration says which version has written it.
is_update() {
  local version
  [ -n "$before_config" ] || return
  if [ -n "$before_env" ]; then
    if [ "$installed_id" != "$(image_id "$next_image")" ]; then return 0; fi
    [ -n "$is_guessed" ] || return
  fi
  version=$(sed -n 's/.*"lastTouchedVersion": *"\([A-Za-z0-9._+-]*\)".*/\1/p' <<<"$before_config" | first_line)
  if [ -z "$is_guessed" ]; then version=${installed_version:-$version}; fi
  [ -n "$version" ] && [ "$version" != "$next_version" ] && installed_version=$version
}

versions_text() {
  if [ "${installed_version:-?}" != "${next_version:-?}" ]; then printf 'from %s to %s' "${installed_version:-an unknown version}" "${next_version:-an unknown version}"; else printf 'to another image of %s' "${next_version:-an unknown version}"; fi
}

stopped_at=''

stop_gateway() { # REASON
  [ -n "$was_running" ] || return 0
  started=yes
  wait_until_started "$was_running"
  stopped_at=$SECONDS
  stop_container "$was_running" || fail 'The gateway could not be stopped' "$1" "look at its state: $compose_command ps"
}

repair_state() {
  keep_comments
  say 'Repairing the state: openclaw doctor --fix'
  in_gateway -T openclaw-gateway dist/index.js doctor --fix --non-interactive </dev/null >"$lock/output" 2>&1 || {
    tail -n 20 -- "$lock/output" | printable_lines >&2
    fail 'openclaw doctor --fix failed' 'Its last lines are above.' "$(find_mistake)"
  }
}

# Ends the containers of setup that a killed run has left: they could still write to the state. Fails without an engine.
end_helpers() {
  local id ids
  ids=$(docker ps --all --quiet --filter "label=$HELPER_LABEL=$project_name") || return
  for id in $ids; do docker rm --force "$id" >/dev/null 2>&1 || true; done
}

# Ends these containers, and the gateway.
remove_containers() {
  local id ids
  end_helpers || return
  ids=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project_name" --filter label=com.docker.compose.service=openclaw-gateway) || return
  for id in $ids; do docker rm --force "$id" >/dev/null 2>&1 || true; done
  [ -z "$(gateway_container)" ]
}

# Gives the data to the user that the gateway of a snapshot runs as.
give_to_former_user() { # SNAPSHOT
  local former_uid former_gid
  former_uid=$(snapshot_value "$1" uid) former_gid=$(snapshot_value "$1" gid)
  if [ -z "$former_uid" ] || [ "$former_uid:$former_gid" = "$uid:$gid" ]; then return 0; fi
  before_uid=$uid before_gid=$gid uid=$former_uid gid=$former_gid
  give_to_gateway >/dev/null 2>"$lock/problem" || true
}

# Undoes an update whose snapshot is complete. The snapshot stays until the former gateway runs.
undo_update() {
  printf '\nRestoring the state of snapshot %s.\n' "$snapshot" >&2
  remove_containers && restore_state "$snapshot" 2>"$lock/problem" && return 0
  printf 'The state could not be restored: %s\n  Hint: run setup again, which restores snapshot %s first; if a disk is full, make free space before\n' "$(last_problem)" "$snapshot" >&2
  return 1
}

# Reads the files of a snapshot, and writes them in place of the present ones.
restore_files() { # NUMBER
  local folder=$snapshot_dir/$1/project env extra sandbox
  env=$(content_of "$folder/.env")
  extra=$(content_of "$folder/docker-compose.extra.yml")
  sandbox=$(content_of "$folder/docker-compose.sandbox.yml")
  # A file without contents is what a power failure leaves. An installation always has a .env.
  case $env in '' | x) return 0 ;; esac
  env=${env%x}
  keep_update_settings
  write_stack "$env" "${extra%x}" "${sandbox%x}"
}

# Gives the former .env in `env` the present settings of updates: with another folder, the snapshots would not be found any more.
keep_update_settings() {
  local name line entry
  for name in OPENCLAW_SNAPSHOT_DIR OPENCLAW_SNAPSHOTS OPENCLAW_IMAGE_TRUST; do
    # Compose reads other forms too: `export NAME=value`, `NAME: value`.
    entry="^[[:space:]]*(export[[:space:]]+)?${name}[[:space:]]*[=:]"
    line=$(grep -E "$entry" "$root/.env" 2>/dev/null | tail -n 1 | tr -d '\r') || line=''
    if [ "$line" = "$(grep -E "$entry" <<<"$env" | tail -n 1 | tr -d '\r')" ]; then continue; fi
    env=$({ printf '%s' "$env" | grep -vE "$entry" || true; } && printf x)
    env=${env%x}${line:+$line$'\n'}
  done
}

# An update that was killed, or whose engine went away, has left the mark `unfinished`. Restores what was there before, and starts setup again.
recover_update() {
  local number name path next kind
  path=$(in_env_file OPENCLAW_SNAPSHOT_DIR) path=${path:-${config_dir%/}-snapshots}
  for name in "$path"/*/unfinished; do
    if [ ! -e "$name" ] || [ "$path" = "$snapshot_dir" ]; then continue; fi
    refuse OPENCLAW_SNAPSHOT_DIR "$snapshot_dir" "is another folder than $path, which has an update that was interrupted" 'first run setup without this variable, which restores it'
  done
  for path in "$snapshot_dir" "$snapshot_dir"/[0-9]*; do
    if [ -d "$path" ] && { [ ! -r "$path" ] || [ ! -x "$path" ]; }; then
      refuse OPENCLAW_SNAPSHOT_DIR "$path" 'cannot be read by this user, and may have an update that was interrupted' 'run setup as the user who ran it before'
    fi
  done
  if [ -f "$snapshot_dir/project" ]; then
    name=$(cat -- "$snapshot_dir/project")
    [ "$name" = "$project_name" ] ||
      refuse OPENCLAW_SNAPSHOT_DIR "$snapshot_dir" "has the snapshots of the installation $(printf '%s' "$name" | LC_ALL=C tr -dc 'a-z0-9_-')" \
        "use another folder; if you have renamed this installation: rm '$snapshot_dir/project'"
  fi
  for path in "$snapshot_dir"/rehearsal "$snapshot_dir"/removed-* "$snapshot_dir"/*/unfinished; do
    [ -e "$path" ] || continue
    end_helpers || true
    case $path in
    */rehearsal) discard_rehearsal ;;
    */removed-*) [ -f "$path" ] || remove_snapshot "${path##*/}" ;;
    # An incomplete copy of what an interrupted update had left: it would fill the disk.
    *.partial/unfinished)
      name=${path%/unfinished} name=${name##*/}
      if [ "$(snapshot_value "$name" kind)" = interrupted ]; then remove_snapshot "$name"; fi
      ;;
    esac
  done
  for path in "$snapshot_dir"/*/unfinished; do
    [ -f "$path" ] || continue
    path=${path%/unfinished}
    name=${path##*/} number=${name%.partial}
    kind=$(snapshot_value "$name" kind)
    if [ "$kind" = interrupted ] || has_ended "$name"; then
      rm -f -- "$path/unfinished"
      continue
    fi
    undone_image=$(snapshot_image "$number")
    if [ "$name" = "$number" ]; then
      say "An update was interrupted: restoring snapshot $number"
      use_folders_of "$number"
      remove_containers || fail 'The gateway could not be stopped' 'Its state is to be restored.' "look at its state: $compose_command ps"
      save_interrupted_state
      restore_state "$number" 2>"$lock/problem" ||
        fail "Snapshot $number could not be restored" "$(reason_of "$(last_problem)")" 'make free space, then run setup again'
    else
      say 'An update was interrupted before it changed the state'
    fi
    restore_files "$name"
    give_to_former_user "$name"
    # The former gateway runs while the new image is provided again, with --offline the one that has the name now.
    path=$(snapshot_value "$name" image)
    next=$(image_id "$path")
    if [ "$(image_id "$waiting_image")" = "$(snapshot_value "$name" next_image_id)" ]; then next=$(image_id "$waiting_image"); fi
    if [ -n "$path" ] && [ "$(image_id "$undone_image")" = "$(snapshot_value "$name" image_id)" ]; then tag_image "$undone_image" "$path"; fi
    if [ -n "$(snapshot_value "$name" running)" ]; then
      (unset_given && cd "$root" && docker compose --project-name "$project_name" up --detach openclaw-gateway) >&2 || true
    fi
    if [ -n "$next" ] && [ -n "$offline" ] && [ -z "$rollback" ] && [ "$kind" != rollback ]; then tag_image "$next" "$path"; fi
    rm -f -- "$snapshot_dir/$name/unfinished"
    remove_snapshot "$name"
    if [ "$rollback" = "$number" ] || { [ "$rollback" = last ] && [ "$kind" != rollback ]; }; then
      note 'the state of that snapshot is restored'
      exit 0
    fi
    start_again
  done
}

# Whether the gateway of an update runs, although setup was killed before it could say so.
has_ended() { # SNAPSHOT
  local container
  case $1 in *.partial) return 1 ;; esac
  container=$(gateway_container)
  [ -n "$container" ] &&
    [ "$(docker container inspect --format '{{.Image}}' "$container" 2>/dev/null)" = "$(snapshot_value "$1" next_image_id)" ] &&
    wait_until_healthy "$container"
}

# Saves the state that an interrupted update has left, before the former one replaces it: the new gateway may have run for days.
save_interrupted_state() {
  remember_files
  installed_id=$(snapshot_value "$number" next_image_id) installed_version=$(snapshot_value "$number" next_version)
  was_image=$(snapshot_value "$number" image) was_running='' next_version=$(snapshot_value "$number" version)
  begin_snapshot interrupted "$(snapshot_image "$number")"
  save_state 'make free space on that disk, then run setup again'
  rm -f -- "$snapshot_dir/$snapshot/unfinished"
  snapshot='' installed_id='' installed_version='' was_image='' next_version=''
}

# An interrupted update may have used other folders than this run.
use_folders_of() { # SNAPSHOT
  local name value
  for name in config_dir workspace_dir secret_dir; do
    value=$(snapshot_value "$1" "$name")
    if [ -n "$value" ]; then printf -v "$name" '%s' "$value"; fi
  done
}

# The files differ from those that this run has read. The new image has the name of the former one's, which a failure gives back.
start_again() {
  release_lock
  trap - EXIT
  # The restored .env may be that of another user.
  if [ -n "$chosen_namespace" ]; then unset OPENCLAW_USERNS; fi
  SETUP_RECOVERED=yes exec "$BASH" "$self" ${given_options[@]+"${given_options[@]}"}
}

# ---- rollback --------------------------------------------------------------------------------------------------------

# Finds the snapshot to go back to: the given one, or the newest one of an update that was not undone.
choose_snapshot() {
  local number
  if [ "$rollback" != last ]; then
    case $'\n'$(snapshot_numbers)$'\n' in
    *$'\n'"$rollback"$'\n'*) return 0 ;;
    *) refuse --rollback "$rollback" 'is not the number of a snapshot' "choose one of: $(snapshot_numbers | tr '\n' ' ')" ;;
    esac
  fi
  for number in $(snapshot_numbers); do
    case $(snapshot_value "$number" kind) in rollback | interrupted) continue ;; esac
    if [ "$(snapshot_value "$number" restored)" != yes ]; then
      rollback=$number
      return 0
    fi
  done
  refuse --rollback "$snapshot_dir" 'has no snapshot of an update' 'snapshots are made by updates, so there is nothing to go back to'
}

# Prints the names of settings that have another value in a former .env.
changed_settings() { # FORMER
  local line names=''
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in '' | '#'* | OPENCLAW_SNAPSHOT_DIR=* | OPENCLAW_SNAPSHOTS=* | OPENCLAW_IMAGE_TRUST=*) continue ;; esac
    case $'\n'"$1"$'\n' in *$'\n'"$line"$'\n'*) ;; *) names+=" ${line%%=*}" ;; esac
  done <<<"${before_env%x}"
  printf '%s' "$names"
}

# Puts back image, files and state of a snapshot. The present state is saved first, so that a rollback can be undone too.
roll_back() {
  local number image_name name changed
  remember_files
  choose_snapshot
  number=$rollback
  for name in config_dir workspace_dir secret_dir; do
    [ "$(snapshot_value "$number" "$name")" = "${!name}" ] ||
      refuse --rollback "$number" "was made of other folders: $(snapshot_value "$number" "$name")" "set the variables of the folders in .env as they were"
  done
  if [ -z "$installed_id" ]; then
    installed_id=$(image_id "$image") was_image=$image
    if docker tag "$image" "$kept_image" 2>/dev/null; then is_kept=yes; fi
  fi
  image_name=$(snapshot_value "$number" image)
  image_name=${image_name:-$image}
  next_version=$(snapshot_value "$number" version)
  name=$(snapshot_value "$number" source)
  has_snapshot_image "$number" ||
    fail "Snapshot $number cannot be restored" "Its image ${next_version:+of version $next_version }is not in the engine any more." \
      "$(if [ -n "$name" ]; then printf 'pull it: %s pull %s' "$container_engine" "$name"; else printf 'load or pull it'; fi); then name it: $container_engine tag ${name:-IMAGE} $(snapshot_image "$number")"
  say "Rolling back to snapshot $number: ${next_version:-an unknown version}, saved on $(snapshot_value "$number" created)"
  provided_id=$(image_id "$(snapshot_image "$number")")
  written=yes
  begin_snapshot rollback "$(snapshot_image "$number")"
  printf 'back_to=%s\n' "$number" >>"$snapshot_dir/$snapshot.partial/snapshot"
  stop_gateway 'Its state is to be replaced.'
  started=yes
  save_state 'make free space on that disk, then try again'
  restore_state "$number" 2>"$lock/problem" ||
    fail "Snapshot $number could not be restored" "$(reason_of "$(last_problem)")" 'make free space, then try again'
  changed=$(changed_settings "$(cat -- "$snapshot_dir/$number/project/.env")")
  restore_files "$number"
  give_to_former_user "$number"
  if [ -n "$changed" ]; then note "these settings of .env have their former values again:$changed"; fi
  tag_image "$(snapshot_image "$number")" "$image_name"
  warn_of_shared_name "$image_name"
  say 'Starting the gateway'
  unset_given
  compose_files=(--project-name "$project_name")
  take_over_from_systemd
  output=$(compose up --detach openclaw-gateway 2>&1) || fail 'The gateway could not be started' "$output" "look at its state: $compose_command ps"
  container=$(gateway_container --all)
  wait_until_healthy "$container" || fail_of_gateway
  wait_until_started "$container"
  image=$image_name
  # The newest `restored` counts. To go back to a rollback's own snapshot undoes that rollback.
  printf 'restored=yes\n' >>"$snapshot_dir/$number/snapshot" || true
  name=$(snapshot_value "$number" back_to)
  if [ -n "$name" ] && [ -f "$snapshot_dir/$name/snapshot" ]; then printf 'restored=no\n' >>"$snapshot_dir/$name/snapshot" || true; fi
  finish_update
  note "it was stopped for $((SECONDS - ${stopped_at:-$SECONDS})) s"
  printf '\nThe gateway is running version %s again. Snapshot %s has the state before this rollback: scripts/docker/setup.sh --rollback %s\n' \
    "${next_version:-(unknown)}" "$snapshot" "$snapshot"
}

# A name means one image for the whole engine. Names other installations whose next start would have another image than they run.
warn_of_shared_name() { # NAME
  local folder used id now
  now=$(image_id "$1")
  while IFS='|' read -r _ folder used id; do
    # Podman writes an id without sha256:.
    if [ "$(short_name "$used")" != "$(short_name "$1")" ] || [ "${id#sha256:}" = "${now#sha256:}" ]; then continue; fi
    note "the installation in $folder uses the name $1 too: its next start has this image, unless it pulls before; to prevent that, write another tag in its .env"
  done < <(other_containers)
}

# From here on, the update counts: an interruption does not undo it.
finish_update() {
  finished=yes
  if [ -n "$snapshot" ]; then rm -f -- "$snapshot_dir/$snapshot/unfinished"; fi
  remove_old_snapshots
  record_installed
}
