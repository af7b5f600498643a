# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers are expanded in them
#
# Rehearsal: starts the new image with a copy of the state, before the running gateway is touched.

# With the folder, because another installation may be named so.
rehearsal_project() {
  local checksum
  checksum=$(printf '%s' "$root" | cksum)
  printf '%s-rehearsal-%s' "$project_name" "${checksum%% *}"
}

# Removes the container and the copy of this rehearsal, or of a killed one.
discard_rehearsal() {
  local id
  for id in $(docker ps --all --quiet --filter "label=com.docker.compose.project=$(rehearsal_project)" \
    --filter "label=com.docker.compose.project.working_dir=$root"); do docker rm --force "$id" >/dev/null; done
  if [ -d "$snapshot_dir/rehearsal" ]; then remove_snapshot rehearsal; fi
}

# Copies the state of a running gateway. Files that change meanwhile are copied again, so that databases and their logs fit together. If the
# workspace has more than 1 GB, only the files in it and the gateway's own folders are copied.
copy_state_for_rehearsal() {
  with_state rehearsal '
    owners=$(owners_in /snapshot)
    size=$(du -s --block-size=1 ${NESTED:+"--exclude=/state/$NESTED"} /state | cut -f 1)
    [ "$size" -lt "$(df --output=avail --block-size=1 /snapshot | tail -n 1)" ] || { echo "cp: No space left on device" >&2 && exit 1; }
    touch /tmp/before
    # A running gateway removes files while they are copied.
    { copy /state /snapshot/state && copy /secret /snapshot/secret; } 2>/tmp/errors || true
    if [ -d /workspace ]; then
      mkdir /snapshot/workspace
      chown --reference=/workspace /snapshot/workspace 2>/dev/null || true
      if [ "$(du -s --block-size=1M /workspace | cut -f 1)" -le 1000 ]; then NESTED="" NESTED_TARGET="" && copy /workspace /snapshot/workspace
      else find /workspace -mindepth 1 -maxdepth 1 \( ! -type d -o -name .openclaw -o -name memory \) -exec cp -a --reflink=auto -t /snapshot/workspace {} +; fi 2>>/tmp/errors || true
    fi
    for again in 1 2 3; do
      touch /tmp/now
      changed=$(cd /snapshot/state && find . -type f | while IFS= read -r path; do [ "/state/$path" -nt /tmp/before ] && printf "%s\n" "$path"; done || true)
      [ -n "$changed" ] || break
      printf "%s\n" "$changed" | (cd /state && while IFS= read -r path; do cp -a --reflink=auto --parents "$path" /snapshot/state/ 2>/dev/null || true; done)
      mv /tmp/now /tmp/before
    done
    if grep -v "No such file or directory" /tmp/errors >&2; then exit 1; fi
    mkdir /snapshot/cache
    # The update gives the state to the user of the gateway.
    chown -R "$1:$2" /snapshot/state /snapshot/secret /snapshot/workspace /snapshot/cache 2>/dev/null || true
    find /snapshot -type f | wc -l
    du -s --block-size=1 /snapshot | cut -f 1' "$uid" "$gid" 2>"$lock/problem"
}

# Prints the mounts that the gateway will have, one in a line: TYPE|SOURCE|TARGET|NAME. On a host without Node, those of the installed gateway:
# an image may not decide what is mounted.
gateway_mounts() {
  local container config
  case $decider in
  host | toolchain)
    config=$(unset_given && cd "$root" && docker compose --project-directory "$root" --project-name "$project_name" --env-file "$lock/planned/.env" \
      "${planned_files[@]}" config --format json openclaw-gateway 2>/dev/null) || return
    input compose "$config"
    decide mounts
    answer_list mount
    printf '%s\n' ${LIST[@]+"${LIST[@]}"}
    ;;
  *)
    container=$(gateway_container --all | first_line)
    [ -z "$container" ] || inspect_containers '{{range .Mounts}}{{.Type}}|{{.Source}}|{{.Destination}}|{{.Name}}{{println}}{{end}}' "$container"
    ;;
  esac
}

# Whether a path does not exist. One in a folder that this user cannot look into may.
is_missing() { # PATH
  local visible=$1
  until [ -e "$visible" ]; do visible=$(dirname -- "$visible"); done
  [ "$visible" != "$1" ] && [ -x "$visible" ]
}

# Writes a Compose file that replaces the mounts of the gateway by copies, and everything else that it mounts by read-only mounts. Paths
# come from variables, so none of them is YAML.
write_rehearsal_overlay() {
  local type source target name count=0 volumes='' label_option=''
  if [ -n "$label" ]; then label_option=", bind: {selinux: ${label#:}}"; fi
  while IFS='|' read -r type source target name; do
    case $type:$target in
    *:/home/node/.openclaw | *:/home/node/.openclaw/workspace | *:/home/node/.config/openclaw | *docker.sock | [!bv]*) continue ;;
    esac
    # With the socket of an engine, the copy could control the real containers.
    if [ -z "$target" ] || [ -S "$source" ]; then continue; fi
    # A volume or a folder that this update is to make.
    if [ "$type" = volume ]; then has_volume "$name" || continue; elif is_missing "$source"; then continue; fi
    count=$((count + 1))
    export "REHEARSAL_SOURCE_$count=$source" "REHEARSAL_TARGET_$count=$target"
    if [ "$type" = volume ]; then
      export "REHEARSAL_SOURCE_$count=$name"
      volumes+="  rehearsal-$count: {external: true, name: \"\${REHEARSAL_SOURCE_$count}\"}"$'\n'
      printf '      - {type: volume, source: rehearsal-%s, target: "${REHEARSAL_TARGET_%s}", read_only: true}\n' "$count" "$count"
      # The gateway does not start without a place for temporary files in its home. The engine could not create the folder.
      if [ "$target" = /home/node ] && in_container --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --volume "$name:/home/node:ro" --entrypoint test "$(tool_image)" -d /home/node/.cache; then
        printf '      - {type: bind, source: "${REHEARSAL_CACHE}", target: /home/node/.cache%s}\n' "$label_option"
      fi
    else
      printf '      - {type: bind, source: "${REHEARSAL_SOURCE_%s}", target: "${REHEARSAL_TARGET_%s}", read_only: true}\n' "$count" "$count"
    fi
  done < <(gateway_mounts) >"$lock/mounts"
  {
    printf 'services:\n  openclaw-gateway:\n    image: "${REHEARSAL_IMAGE}"\n    pull_policy: never\n    hostname: "${REHEARSAL_HOST}"\n    network_mode: none\n    networks: !reset null\n    ports: !reset []\n'
    printf '    extra_hosts: !reset []\n    container_name: !reset null\n    restart: on-failure:3\n    volumes: !override\n'
    printf '      - {type: bind, source: "${REHEARSAL_STATE}", target: /home/node/.openclaw%s}\n' "$label_option"
    printf '      - {type: bind, source: "${REHEARSAL_WORKSPACE}", target: /home/node/.openclaw/workspace%s}\n' "$label_option"
    printf '      - {type: bind, source: "${REHEARSAL_SECRET}", target: /home/node/.config/openclaw%s}\n' "$label_option"
    cat -- "$lock/mounts"
    if [ -n "$volumes" ]; then printf 'volumes:\n%s' "$volumes"; fi
  } >"$lock/rehearsal.yml"
  export REHEARSAL_IMAGE=$next_image REHEARSAL_HOST=$project_name REHEARSAL_STATE=$snapshot_dir/rehearsal/data/state \
    REHEARSAL_SECRET=$snapshot_dir/rehearsal/data/secret REHEARSAL_WORKSPACE=$snapshot_dir/rehearsal/data/workspace \
    REHEARSAL_CACHE=$snapshot_dir/rehearsal/data/cache
}

compose_rehearsal() {
  (unset_given && cd "$root" && docker compose --project-directory "$root" --project-name "$(rehearsal_project)" --env-file "$lock/planned/.env" \
    "${planned_files[@]}" --file "$lock/rehearsal.yml" "$@")
}

# Starts the new image with a copy of the state, without network, and runs its doctor.
rehearse() {
  local output count size start=$SECONDS status=0
  case $compose_version in
  2.24.[0-3]) refuse 'docker compose' "$compose_version" 'is too old for a rehearsal, which needs 2.24.4' 'install it: https://docs.docker.com/compose/install; or update without: --skip-rehearsal' ;;
  esac
  say "Rehearsing the update $(versions_text) on a copy of the state"
  discard_rehearsal
  make_snapshot_folder "$snapshot_dir/rehearsal/data"
  if ! output=$(copy_state_for_rehearsal); then
    output=$(reason_of "$(last_problem)")
    discard_rehearsal
    fail 'The state could not be copied' "$output" 'make free space, or choose another disk: OPENCLAW_SNAPSHOT_DIR=/folder scripts/docker/setup.sh'
  fi
  { read -r count && read -r size; } <<<"$output"
  note "copied $(digits "$count") files, $(megabytes "$size")"
  (
    write_rehearsal_overlay || exit 4
    if [ -n "$repair" ]; then
      note 'the new gateway repairs the copy: openclaw doctor --fix'
      compose_rehearsal run --rm --no-deps -T --entrypoint node openclaw-gateway dist/index.js doctor --fix --non-interactive </dev/null >"$lock/output" 2>&1 || exit 3
    fi
    compose_rehearsal up --detach --no-deps openclaw-gateway >"$lock/output" 2>&1 || exit 4
    container=$(compose_rehearsal ps --all --quiet openclaw-gateway) && [ -n "$container" ] || exit 4
    wait_until_healthy "$container" || {
      docker logs --tail 20 "$container" >"$lock/output" 2>&1 || true
      exit 5
    }
    wait_until_started "$container"
    note "the new gateway started after $((SECONDS - start)) s"
    if docker exec "$container" node dist/index.js doctor --non-interactive </dev/null >"$lock/output" 2>&1; then
      note 'openclaw doctor passed on the copy'
    else
      note 'its doctor reports a failure (a rehearsal has no network):'
      tail -n 5 -- "$lock/output" | printable_lines
    fi
    docker logs --tail 200 "$container" >>"$lock/output" 2>&1 || true
  ) || status=$?
  if grep -q 'doctor --fix' "$lock/output" 2>/dev/null && [ -z "$repair" ]; then needs_repair=yes; else needs_repair=''; fi
  discard_rehearsal
  if [ "$status" -ne 0 ]; then refuse_update "$status"; fi
  if [ -n "$needs_repair" ]; then note 'the new gateway suggests `openclaw doctor --fix`; to let it repair the state: scripts/docker/setup.sh --fix'; fi
}

printable_lines() { plain_text | sed 's/^/    | /'; }

refuse_update() { # STATUS of the rehearsal
  local reason='The gateway that is installed was not changed, and its last lines are above.' hint
  hint="to update without a rehearsal: $(name_command)scripts/docker/setup.sh --skip-rehearsal${offline:+ --offline}; a snapshot is made, and a failed update is undone"
  tail -n 20 -- "$lock/output" | printable_lines >&2
  case $1 in
  3) reason='Its `openclaw doctor --fix` failed with a copy of the state, and its last lines are above. Nothing was changed.' ;;
  4) reason='Its container could not be created, and the error is above. Nothing was changed.' ;;
  5) reason='It does not answer with a copy of the state, and its last log lines are above. Nothing was changed.' ;;
  esac
  if [ -n "$needs_repair" ]; then hint="let the new gateway repair the state: $(name_command)scripts/docker/setup.sh --fix${offline:+ --offline}; a snapshot is made before"; fi
  fail "The new gateway ${next_version:+$next_version }does not start" "$reason" "$hint"
}
