# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers are expanded in them
#
# Updates: another image for an existing installation. A gateway changes its databases when a newer version starts, and an older version
# cannot read them afterwards. So setup first starts the new image with a copy of the state, saves the state, and restores it if the
# update fails.

installed_id='' installed_version='' next_version=''

# Finds the image that the installation runs, its name, and its port: those of its container, or the image that the last setup recorded.
find_installed_image() {
  local container
  container=$(gateway_container --all | head -n 1)
  if [ -n "$container" ]; then
    read -r installed_id was_image before_port < <(docker container inspect \
      --format '{{.Image}} {{.Config.Image}} {{range (index .NetworkSettings.Ports "18789/tcp")}}{{.HostPort}} {{end}}' "$container")
    before_port=${before_port%% *}
  else
    installed_id=$(sed -n 's/^image_id=//p' "$snapshot_dir/installed" 2>/dev/null) || installed_id=''
    if [ -n "$installed_id" ]; then was_image=$(in_env_file OPENCLAW_IMAGE); fi
  fi
  if [ -n "$installed_id" ]; then installed_version=$(image_version "$installed_id"); fi
}

# Whether this run changes the image of an installation that has state.
is_update() { [ -n "$before_env" ] && [ -n "$before_config" ] && has_image "${installed_id:-none}" && [ "$installed_id" != "$(image_id "$image")" ]; }

versions_text() {
  if [ "${installed_version:-?}" != "${next_version:-?}" ]; then printf 'from %s to %s' "${installed_version:-an unknown version}" "${next_version:-an unknown version}"; else printf 'to another image of %s' "${next_version:-an unknown version}"; fi
}

# ---- rehearsal -------------------------------------------------------------------------------------------------------

rehearsal_project() { printf '%s-rehearsal' "$project_name"; }

# Removes the container and the copy of this rehearsal, or of a killed one.
discard_rehearsal() {
  local id
  for id in $(docker ps --all --quiet --filter "label=com.docker.compose.project=$(rehearsal_project)"); do docker rm --force "$id" >/dev/null; done
  if [ -d "$snapshot_dir/rehearsal" ]; then remove_snapshot rehearsal; fi
}

# Copies the state of a running gateway. Files that change meanwhile are copied again, so that databases and their logs fit together. If the
# workspace has more than 1 GB, only the files in it and the gateway's own folders are copied.
copy_state_for_rehearsal() {
  with_state '
    to=/snapshots/rehearsal
    touch /tmp/before
    copy /state "$to/state"
    copy /secret "$to/secret"
    mkdir "$to/workspace"
    if [ -d /workspace ]; then
      chown --reference=/workspace "$to/workspace" && chmod --reference=/workspace "$to/workspace"
      if [ "$(du -s --block-size=1M /workspace | cut -f 1)" -le 1000 ]; then copy /workspace "$to/workspace"
      else find /workspace -mindepth 1 -maxdepth 1 \( ! -type d -o -name .openclaw -o -name memory \) -exec cp -a --reflink=auto -t "$to/workspace" {} +; fi
    fi
    for again in 1 2 3; do
      touch /tmp/now
      changed=$(cd /state && find . -xdev -path "./${WORKSPACE:-//}" -prune -o -type f -newer /tmp/before -print | head -n 1)
      [ -n "$changed" ] || break
      (cd /state && find . -xdev -path "./${WORKSPACE:-//}" -prune -o -type f -newer /tmp/before -exec cp -a --reflink=auto --parents -t "$to/state" {} +) || true
      mv /tmp/now /tmp/before
    done
    find "$to" -type f | wc -l
    du -s --block-size=1 "$to" | cut -f 1' 2>"$lock/problem"
}

# Writes a Compose file that replaces the mounts of the gateway by copies, and everything else that it mounts by read-only mounts. Paths
# come from variables, so none of them is YAML.
write_rehearsal_overlay() {
  local container type source target name count=0 volumes='' label_option=''
  if [ -n "$label" ]; then label_option=", bind: {selinux: ${label#:}}"; fi
  container=$(gateway_container --all | head -n 1)
  while IFS='|' read -r type source target name; do
    case $type:$target in
    *:/home/node/.openclaw | *:/home/node/.openclaw/workspace | *:/home/node/.config/openclaw | *docker.sock | [!bv]*) continue ;;
    esac
    # With the socket of an engine, the copy could control the real containers.
    if [ -z "$target" ] || [ -S "$source" ]; then continue; fi
    count=$((count + 1))
    export "REHEARSAL_SOURCE_$count=$source" "REHEARSAL_TARGET_$count=$target"
    if [ "$type" = volume ]; then
      export "REHEARSAL_SOURCE_$count=$name"
      volumes+="  rehearsal-$count: {external: true, name: \"\${REHEARSAL_SOURCE_$count}\"}"$'\n'
      printf '      - {type: volume, source: rehearsal-%s, target: "${REHEARSAL_TARGET_%s}", read_only: true}\n' "$count" "$count"
    else
      printf '      - {type: bind, source: "${REHEARSAL_SOURCE_%s}", target: "${REHEARSAL_TARGET_%s}", read_only: true}\n' "$count" "$count"
    fi
  done < <([ -z "$container" ] || docker container inspect --format '{{range .Mounts}}{{.Type}}|{{.Source}}|{{.Destination}}|{{.Name}}{{println}}{{end}}' "$container") >"$lock/mounts"
  {
    printf 'services:\n  openclaw-gateway:\n    hostname: "${REHEARSAL_HOST}"\n    network_mode: none\n    networks: !reset null\n    ports: !reset []\n'
    printf '    extra_hosts: !reset []\n    container_name: !reset null\n    restart: on-failure:3\n    volumes: !override\n'
    printf '      - {type: bind, source: "${REHEARSAL_STATE}", target: /home/node/.openclaw%s}\n' "$label_option"
    printf '      - {type: bind, source: "${REHEARSAL_WORKSPACE}", target: /home/node/.openclaw/workspace%s}\n' "$label_option"
    printf '      - {type: bind, source: "${REHEARSAL_SECRET}", target: /home/node/.config/openclaw%s}\n' "$label_option"
    cat -- "$lock/mounts"
    if [ -n "$volumes" ]; then printf 'volumes:\n%s' "$volumes"; fi
  } >"$lock/rehearsal.yml"
  export REHEARSAL_HOST=$project_name REHEARSAL_STATE=$snapshot_dir/rehearsal/state \
    REHEARSAL_SECRET=$snapshot_dir/rehearsal/secret REHEARSAL_WORKSPACE=$snapshot_dir/rehearsal/workspace
}

compose_rehearsal() {
  (unset_given && cd "$root" && docker compose --project-directory "$root" --project-name "$(rehearsal_project)" --env-file "$lock/planned/.env" \
    "${planned_files[@]}" --file "$lock/rehearsal.yml" "$@")
}

# Starts the new image with a copy of the state, without network, and runs its doctor.
rehearse() {
  local output count size start=$SECONDS status=0
  say "Rehearsing the update $(versions_text) on a copy of the state"
  discard_rehearsal
  make_snapshot_folder "$snapshot_dir/rehearsal"
  if ! output=$(copy_state_for_rehearsal); then
    output=$(reason_of "$(tail -n 1 -- "$lock/problem")")
    discard_rehearsal
    fail 'The state could not be copied' "$output" 'make free space, or choose another disk: OPENCLAW_SNAPSHOT_DIR=/folder scripts/docker/setup.sh'
  fi
  { read -r count && read -r size; } <<<"$output"
  note "copied $count files, $(megabytes "$size")"
  (
    write_rehearsal_overlay
    if [ -n "$repair" ]; then
      note 'the new gateway repairs the copy: openclaw doctor --fix'
      compose_rehearsal run --rm --no-deps -T --entrypoint node openclaw-gateway dist/index.js doctor --fix --non-interactive </dev/null >"$lock/output" 2>&1 || exit 3
    fi
    compose_rehearsal up --detach --no-deps openclaw-gateway >"$lock/output" 2>&1 || exit 4
    container=$(compose_rehearsal ps --all --quiet openclaw-gateway)
    wait_until_healthy "$container" || { docker logs --tail 20 "$container" >"$lock/output" 2>&1 && exit 5; }
    wait_until_started "$container"
    note "the new gateway started after $((SECONDS - start)) s"
    if docker exec "$container" node dist/index.js doctor --non-interactive </dev/null >"$lock/output" 2>&1; then
      note 'its doctor ended without a failure'
    else
      note 'its doctor reports a failure (there is no network in a rehearsal):'
      tail -n 5 -- "$lock/output" | printable_lines
    fi
    docker logs --tail 200 "$container" >"$lock/output" 2>&1 || true
  ) || status=$?
  if grep -q 'doctor --fix' "$lock/output" 2>/dev/null && [ -z "$repair" ]; then needs_repair=yes; else needs_repair=''; fi
  discard_rehearsal
  if [ "$status" -ne 0 ]; then refuse_update "$status"; fi
  if [ -n "$needs_repair" ]; then note 'the new gateway asks for `openclaw doctor --fix`; to let it repair the state: scripts/docker/setup.sh --fix'; fi
}

printable_lines() { LC_ALL=C tr -d '\000-\010\013-\037\177' | sed 's/^/    | /'; }

refuse_update() { # STATUS of the rehearsal
  local reason='The gateway that is installed was not changed, and its last lines are above.' hint='to update without a rehearsal: scripts/docker/setup.sh --skip-rehearsal; a snapshot is made, and a failed update is undone'
  tail -n 20 -- "$lock/output" | printable_lines >&2
  case $1 in
  3) reason='Its `openclaw doctor --fix` failed with a copy of the state, and its last lines are above. Nothing was changed.' ;;
  4) reason='Its container could not be created, and the error is above. Nothing was changed.' ;;
  5) reason='It does not answer with a copy of the state, and its last log lines are above. Nothing was changed.' ;;
  esac
  if [ -n "$needs_repair" ]; then hint='let the new gateway repair the state: scripts/docker/setup.sh --fix; a snapshot is made before'; fi
  fail "The new gateway ${next_version:+$next_version }does not start" "$reason" "$hint"
}

# ---- the update itself -----------------------------------------------------------------------------------------------

stopped_at=''

stop_gateway() { # REASON
  [ -n "$was_running" ] || return 0
  started=yes
  wait_until_started "$was_running"
  stopped_at=$SECONDS
  docker stop "$was_running" >/dev/null || fail 'The gateway could not be stopped' "$1" 'look at its state: docker compose ps'
}

repair_state() {
  say 'Repairing the state: openclaw doctor --fix'
  in_gateway -T openclaw-gateway dist/index.js doctor --fix --non-interactive </dev/null >"$lock/output" 2>&1 || {
    tail -n 20 -- "$lock/output" | printable_lines >&2
    fail 'openclaw doctor --fix failed' 'Its last lines are above.' "$FIND_MISTAKE"
  }
}

# Undoes an update: state, files, and the name of the image.
undo_update() {
  printf '\nRestoring the state of snapshot %s.\n' "$snapshot" >&2
  (cd "$root" && docker compose --project-name "$project_name" rm --stop --force openclaw-gateway openclaw-folders) >/dev/null 2>&1
  if restore_state "$snapshot" 2>"$lock/problem"; then
    rm -f -- "$snapshot_dir/$snapshot/unfinished"
    remove_snapshot "$snapshot"
  else
    printf 'The state could not be restored: %s\n  Hint: make free space, then run setup again: it restores snapshot %s first\n' "$(tail -n 1 -- "$lock/problem")" "$snapshot" >&2
    return 1
  fi
}

# Reads the files of a snapshot, and writes them in place of the present ones.
restore_files() { # NUMBER
  local folder=$snapshot_dir/$1/project env extra sandbox
  env=$(content_of "$folder/.env") extra=$(content_of "$folder/docker-compose.extra.yml") sandbox=$(content_of "$folder/docker-compose.sandbox.yml")
  write_stack "${env%x}" "${extra%x}" "${sandbox%x}"
}

# An update that was killed, or whose engine went away, has left the mark `unfinished`. Restores what was there before, and starts setup again.
recover_update() {
  local number name path next tool_image=''
  docker container unpause "$(gateway_container)" >/dev/null 2>&1 || true
  if [ -d "$snapshot_dir/rehearsal" ]; then discard_rehearsal; fi
  for path in "$snapshot_dir"/*/unfinished; do
    [ -f "$path" ] || continue
    path=${path%/unfinished}
    name=${path##*/} number=${name%.partial}
    tool_image=$(snapshot_image "$number")
    has_image "$tool_image" || tool_image=$image
    if [ "$name" = "$number" ]; then
      say "An update was interrupted: restoring snapshot $number"
      (cd "$root" && docker compose --project-name "$project_name" rm --stop --force openclaw-gateway openclaw-folders) >/dev/null 2>&1 || true
      restore_state "$number" 2>"$lock/problem" ||
        fail "Snapshot $number could not be restored" "$(reason_of "$(tail -n 1 -- "$lock/problem")")" 'make free space, then run setup again'
    else
      say 'An update was interrupted before it changed the state'
    fi
    restore_files "$name"
    # The former gateway runs while the new image is provided again, with --offline the one that has the name now.
    path=$(snapshot_value "$name" image)
    next=$(image_id "$path")
    if [ "$(image_id "$tool_image")" = "$(snapshot_value "$name" image_id)" ]; then docker tag "$tool_image" "$path"; fi
    if [ -n "$(snapshot_value "$name" running)" ]; then
      (unset_given && cd "$root" && docker compose --project-name "$project_name" up --detach openclaw-gateway) >&2 || true
    fi
    if [ -n "$next" ]; then docker tag "$next" "$path"; fi
    rm -f -- "$snapshot_dir/$name/unfinished"
    remove_snapshot "$name"
    start_again
  done
}

# The files differ from those that this run has read.
start_again() {
  release_lock
  trap - EXIT
  exec "$BASH" "$self" ${given_options[@]+"${given_options[@]}"}
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
    if [ "$(snapshot_value "$number" kind)" != rollback ] && [ -z "$(snapshot_value "$number" restored)" ]; then
      rollback=$number
      return 0
    fi
  done
  refuse --rollback "$snapshot_dir" 'has no snapshot of an update' 'snapshots are made by updates, so there is nothing to go back to'
}

# Puts back image, files and state of a snapshot. The present state is saved first, so that a rollback can be undone too.
roll_back() {
  local number image_name
  choose_snapshot
  number=$rollback
  if [ -z "$installed_id" ]; then installed_id=$(image_id "$image") was_image=$image; fi
  image_name=$(snapshot_value "$number" image)
  next_version=$(snapshot_value "$number" version)
  has_image "$(snapshot_image "$number")" ||
    fail "Snapshot $number cannot be restored" "Its image ${next_version:+of version $next_version }is not in the engine any more." \
      "load or pull it, and name it: docker tag IMAGE $(snapshot_image "$number")"
  say "Rolling back to snapshot $number: ${next_version:-an unknown version}, saved on $(snapshot_value "$number" created)"
  provided_id=$(image_id "$(snapshot_image "$number")")
  begin_snapshot rollback
  written=yes
  stop_gateway 'Its state is to be replaced.'
  save_state
  started=yes
  restore_state "$number" 2>"$lock/problem" ||
    fail "Snapshot $number could not be restored" "$(reason_of "$(tail -n 1 -- "$lock/problem")")" 'make free space, then try again'
  restore_files "$number"
  docker tag "$(snapshot_image "$number")" "$image_name"
  say 'Starting the gateway'
  unset_given
  compose_files=(--project-name "$project_name")
  output=$(compose up --detach openclaw-gateway 2>&1) || fail 'The gateway could not be started' "$output" 'look at its state: docker compose ps'
  container=$(gateway_container --all)
  wait_until_healthy "$container" || fail_of_gateway
  wait_until_started "$container"
  printf 'restored=yes\n' >>"$snapshot_dir/$number/snapshot"
  image=$image_name
  finished=yes
  note "it was stopped for $((SECONDS - ${stopped_at:-$SECONDS})) s"
  printf '\nThe gateway is running version %s again. Snapshot %s has the state before this rollback: scripts/docker/setup.sh --rollback %s\n' \
    "${next_version:-(unknown)}" "$snapshot" "$snapshot"
}
