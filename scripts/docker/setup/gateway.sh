# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers are expanded in them
#
# The gateway: its data, its ports, its start, and the restoration of an earlier installation.

# Works without a running gateway, which the container openclaw-cli needs.
find_mistake() {
  printf 'to find a mistake in openclaw.json: '
  if [ "$PWD" != "$root" ]; then printf "cd '%s' && " "$root"; fi
  printf '%s run --rm --no-deps --entrypoint node openclaw-gateway dist/index.js doctor; then run setup again' "$compose_command"
}

compose() { (cd "$root" && docker compose "${compose_files[@]}" "$@"); }
in_gateway() { compose run --rm --no-deps --entrypoint node "$@"; }

# Prints the id of this installation's gateway.
gateway_container() { # [--all]
  docker ps "$@" --quiet --no-trunc --filter "label=com.docker.compose.project=$project_name" \
    --filter label=com.docker.compose.service=openclaw-gateway --filter label=com.docker.compose.oneoff=False
}

# Prints why the container that prepares the folders failed: Compose reports only that it did.
log_of_folders() { # MESSAGE of Compose
  case $1 in *openclaw-folders*) printf '\n%s' "$(compose logs --no-log-prefix openclaw-folders 2>&1 | plain_text | tail -n 5)" ;; esac
}

# Prints what to do if a command in the gateway's container failed: the container may not have started.
gateway_command_hint() { # OUTPUT
  case $1 in
  *'rror response from daemon'* | *'annot connect to the Docker daemon'* | *'declared as external'* | *'o space left'*) printf 'fix that problem and run setup again' ;;
  *) find_mistake ;;
  esac
}

# Changes the owner of the data to the gateway's user. In the workspace only the folder itself changes, and in it and in the home volume
# what belonged to the previous user and group of the gateway: all other files belong to people.
give_to_gateway() {
  local volume home=()
  volume=$(in_env_file OPENCLAW_HOME_VOLUME)
  if [ -n "$volume" ] && [ "$uid:$gid" != "$before_uid:$before_gid" ] && has_volume "$volume"; then home=(--volume "$volume:/setup/home"); fi
  in_container --user 0:0 --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER \
    --volume "$config_dir:/setup/config$label" --volume "$workspace_dir:/setup/workspace$label" --volume "$secret_dir:/setup/secret$label" \
    ${home[@]+"${home[@]}"} --entrypoint sh "$image" -c '
      set -eu
      uid=$1 gid=$2 before_uid=$3 before_gid=$4
      umask 022
      # The engine would create the folder that the workspace is mounted on, for root.
      mkdir -p /setup/config/workspace /setup/config/identity /setup/config/agents/main/agent /setup/config/agents/main/sessions
      for folder in config secret; do
        find "/setup/$folder" -xdev -samefile /setup/workspace -prune -o \
          \( ! -uid "$uid" -o ! -gid "$gid" \) -exec chown -h "$uid:$gid" {} + -print
      done >/tmp/changed
      find /setup/workspace -maxdepth 0 ! -uid "$uid" -exec chown -h "$uid:$gid" {} + -print >>/tmp/changed
      for folder in /setup/workspace /setup/home; do
        [ -d "$folder" ] || continue
        if [ "$before_uid" != "$uid" ]; then find "$folder" -xdev -uid "$before_uid" -exec chown -h "$uid:$gid" {} + -print
        elif [ "$before_gid" != "$gid" ]; then find "$folder" -xdev -uid "$uid" -gid "$before_gid" -exec chgrp -h "$gid" {} + -print; fi
      done >>/tmp/changed
      wc -l </tmp/changed' sh "$uid" "$gid" "$before_uid" "$before_gid"
}

# Prints the owner of the data as this host sees it: without root, the user of Podman is the user of the gateway.
owner_on_host() { if [ -n "$user_namespace" ]; then printf '%s:%s' "$(id -u)" "$(id -g)"; else printf '%s:%s' "$uid" "$gid"; fi; }

# On a file system without owners, chown fails although the gateway can write to all files.
gateway_can_write() {
  ! grep -q 'No space left' "$lock/problem" && in_container --user "$uid:$gid" --volume "$config_dir:/setup/config$label" \
    --volume "$workspace_dir:/setup/workspace$label" --volume "$secret_dir:/setup/secret$label" --entrypoint sh "$image" -c '
      test -w /setup/workspace && test -z "$(find /setup/config /setup/secret -xdev -samefile /setup/workspace -prune -o ! -type l ! -writable -print | head -n 1)"'
}

# Prints the first line about an owner that could not be changed, with the paths of this host.
owner_problem() {
  local line
  line=$(grep -m 1 -E '^(chown|find|mkdir):' "$lock/problem") || line=$(head -n 1 -- "$lock/problem")
  shopt -u patsub_replacement 2>/dev/null || true # since bash 5.2, & would stand for the match
  line=${line//\/setup\/config/$config_dir}
  line=${line//\/setup\/workspace/$workspace_dir}
  printf '%s' "${line//\/setup\/secret/$secret_dir}"
}

# Saves an openclaw.json with comments, which the gateway drops when it writes the file.
keep_comments() {
  [ -n "$relaxed" ] || return 0
  local saved
  saved=$(in_container --user "$uid:$gid" --volume "$config_dir:/setup$label" --entrypoint sh "$image" -c '
    cd /setup && saved=openclaw.json.saved number=2
    while [ -e "$saved" ]; do saved=openclaw.json.saved.$number number=$((number + 1)); done
    { cp -p openclaw.json "$saved" && printf %s "$saved"; } || { rm -f "$saved" && false; }') ||
    fail 'openclaw.json could not be saved' 'The gateway would write it without your comments.' 'make free space, or move the comments to another file'
  note "saved openclaw.json as $saved: the gateway writes the file without its comments"
  relaxed=''
}

# The address of the published ports, without the brackets of IPv6.
plain_address() { printf '%s' "$host_address" | tr -d '[]'; }

# Refuses a port that another program uses, if a Compose file publishes it: the user's may not, for example behind a proxy.
check_port() { # NAME PORT
  grep -qxF "$2" <<<"$published" || return 0
  (exec 3<>"/dev/tcp/$(plain_address)/$2") 2>/dev/null || return 0
  local holder id ids=()
  # Another container may publish the same port on another address.
  for id in $(docker ps --quiet); do ids+=("$id"); done
  # A container may end meanwhile, and one that restarts for ever has its ports only at times.
  holder=$({ inspect_containers '{{.Name}} {{with .Config.Labels}}{{index . "com.docker.compose.project"}}{{end}}|{{range .NetworkSettings.Ports}}{{range .}}{{.HostPort}}|{{end}}{{end}}{{range .HostConfig.PortBindings}}{{range .}}{{.HostPort}}|{{end}}{{end}}' \
    ${ids[@]+"${ids[@]}"} 2>/dev/null || true; } | grep -F "|$2|" | sed -e 's/|.*//' -e 's#^/##') || holder=''
  if grep -q " $project_name\$" <<<"$holder"; then return 0; fi
  holder=${holder%%$'\n'*}
  refuse "$1" "$2" "is in use${holder:+ by the container ${holder%% *}}" "stop that program, or choose another port: $1=$((10#$2 + 10000 > 65535 ? 28789 : 10#$2 + 10000))"
}

# Whether a Compose file publishes the gateway's port. If not, another program may listen there.
is_published() { grep -qxF "$gateway_port" <<<"$published"; }

# Whether /healthz answers 200 on the port of this host. Docker's own check runs in the container, and less often. A shell has no TLS: with
# a certificate, curl asks, and on a host without curl the gateway only has to take the connection.
is_live() (
  if [ "$scheme" = https ] && command -v curl >/dev/null; then
    curl --silent --fail --insecure --max-time 5 --noproxy '*' --output /dev/null "https://$host_address:$gateway_port/healthz"
    exit
  fi
  exec 3<>"/dev/tcp/$(plain_address)/$gateway_port" || exit 1
  if [ "$scheme" = https ]; then exit 0; fi
  printf 'GET /healthz HTTP/1.0\r\nHost: %s\r\n\r\n' "$host_address" >&3
  IFS= read -r -t 5 line <&3 || exit 1
  case $line in 'HTTP/1.'?' 200'*) exit 0 ;; *) exit 1 ;; esac
) 2>/dev/null

# A healthy gateway can listen where Docker publishes no port: on an address of Tailscale, or behind a proxy of the user's.
answers_here() {
  local tries=0
  until is_live; do
    tries=$((tries + 1))
    if [ "$tries" -gt 10 ]; then return 1; fi
    sleep 0.5
  done
}

# Waits until Docker's health check, or the given command, shows that a container answers. Fails if it does not; `state` then says why.
wait_until_healthy() { # CONTAINER [COMMAND]
  local waited=0
  while :; do
    if "${2:-false}"; then return 0; fi
    # Once a second: each request to the engine slows the start of the gateway.
    if [ $((waited % 4)) -eq 0 ]; then
      # Podman's health checks are timers of systemd, and a host may have no systemd.
      if [ "$container_engine" = podman ] && podman healthcheck run "$1" >/dev/null 2>&1; then return 0; fi
      state=$(docker container inspect --format '{{.State.Status}} {{.RestartCount}} {{with .State.Health}}{{.Status}}{{end}}' "$1" 2>/dev/null) || state='gone 0 '
      case $state in
      *' healthy') return 0 ;;
      # The user's Compose file may disable the health check.
      'running '*' ') if docker exec "$1" sh -c 'for scheme in http https; do curl -skf -o /dev/null --noproxy "*" $scheme://127.0.0.1:18789/healthz && exit; done; exit 1' >/dev/null 2>&1; then return 0; fi ;;
      # On a busy host the gateway may miss its own deadlines. Docker restarts it. Give up after two restarts.
      'running '[0-2]' '* | 'restarting '[0-2]' '*) ;;
      *) return 1 ;;
      esac
    fi
    [ "$waited" -lt 1200 ] || return 1
    waited=$((waited + 1))
    sleep 0.25
  done
}

is_live_on_host() { [ "$bind" != loopback ] && [ "$scheme" = http ] && is_published && is_live; }

fail_of_gateway() {
  compose logs --no-log-prefix --tail 20 openclaw-gateway 2>&1 | plain_text >&2 || true
  fail 'The gateway does not answer' "The state of its container is: $state. Its last log lines are above." "$(find_mistake)"
}

# Waits until a gateway has finished its start: it ignores a signal to stop meanwhile. Its port and address in the container do not depend
# on the settings. Older gateways do not have /startupz.
wait_until_started() { # CONTAINER
  docker exec "$1" sh -c '
    # With a certificate, the port answers only https.
    for try in $(seq 60); do
      curl -sk -w "%{http_code} " --noproxy "*" -o /dev/null http://127.0.0.1:18789/startupz -o /dev/null https://127.0.0.1:18789/startupz | grep -q 503 || break
      sleep 1
    done' >/dev/null 2>&1 || true
}

# Runs as the gateway's user, which owns the file.
restore_config() {
  printf '%s' "${before_config%x}" | in_container --interactive --user "$uid:$gid" --volume "$config_dir:/setup$label" \
    --entrypoint sh "$image" -c 'umask 077 && cat >/setup/openclaw.json.setup && mv -f /setup/openclaw.json.setup /setup/openclaw.json ||
      { rm -f /setup/openclaw.json.setup && false; }' &&
    keep_link && note 'wrote openclaw.json' >&2
}

# Restores an openclaw.json that was a link: the gateway replaces it by a file when it writes the configuration.
keep_link() {
  [ -n "$before_link" ] || return 0
  in_container --user "$uid:$gid" --volume "$config_dir:/setup$label" --entrypoint sh "$image" -c '
    cd /setup
    [ ! -h openclaw.json ] || exit 0
    # The link may lead to another link. A file outside of this folder would be lost with this container.
    target=$(readlink -f -- "$1")
    case $target in /setup/*) mv -f openclaw.json "$target" && ln -s -- "$1" openclaw.json ;; *) exit 1 ;; esac' sh "$before_link" 2>/dev/null ||
    note "openclaw.json was a link to $before_link; the gateway has written a file in its place"
}

restore() {
  local status=$?
  trap '' INT TERM HUP PIPE TTOU # a second Ctrl-C, or the end of a pipe, must not leave the gateway stopped
  set +e                         # restore as much as possible
  # In a separate process group: a terminal sends Ctrl-C to every program of this group. The shell ignores it, but docker would end.
  set -m
  restore_all "$status" </dev/null &
  set +m
  wait $!
}

restore_all() { # STATUS
  local status=$1
  if [ -n "$partial" ]; then rm -f -- "$partial"; fi
  if [ -z "$finished" ]; then
    if [ -n "$written$was_image" ] && [ "$status" -ne 0 ]; then wait_for_engine; fi
    restore_image_name
    if [ -n "$written" ]; then restore_installation; fi
    # A rehearsal that was interrupted.
    if [ -n "$snapshot_dir" ] && [ -d "$snapshot_dir/rehearsal" ]; then discard_rehearsal; fi
  fi
  if [ -n "$kept_image" ]; then docker image rm "$kept_image" >/dev/null 2>&1; fi
  # An image that was loaded cannot be pulled again, so it stays until an update to it has ended.
  if { [ -z "$offline" ] && [ -n "$finished$is_held" ]; } || { [ -n "$finished" ] && [ -n "$is_held" ]; }; then
    docker image rm "$waiting_image" >/dev/null 2>&1
  elif [ "$status" -ne 0 ] && [ -n "$is_held" ]; then
    printf 'The new image is still there. To try it again: %s tag %s %s && scripts/docker/setup.sh --offline\n' "$container_engine" "$waiting_image" "$was_image" >&2
  fi
  if [ -n "$decider_image" ]; then docker image rm "$decider_image" >/dev/null 2>&1; fi
  release_lock
}

# An engine that restarts takes its time.
wait_for_engine() {
  local tries=0
  until docker version >/dev/null 2>&1 || [ "$tries" -ge 60 ]; do
    tries=$((tries + 1))
    sleep 1
  done
}

# Gives the name back to the image that is installed, unless somebody else has given it to another image meanwhile.
restore_image_name() {
  if [ -z "$is_kept" ]; then return 0; fi
  if { [ -n "$provided_id" ] && [ "$(image_id "$was_image")" = "$provided_id" ]; } || { [ -z "$provided_id" ] && [ -n "$providing$recovered" ]; }; then tag_image "$kept_image" "$was_image"; fi
}

restore_installation() {
  if [ -z "$before_env" ]; then # a first installation: keep the new files, which contain the token
    if [ -n "$started" ]; then compose rm --stop --force openclaw-gateway openclaw-folders >/dev/null 2>&1; fi
    # The state of an earlier one.
    if ! has_mark || undo_update; then forget_snapshot; fi
    return
  fi
  printf '\nRestoring the previous installation.\n' >&2
  local env=${before_env%x}
  # Until the state is restored, .env must lead to its snapshot.
  if has_mark; then keep_update_settings; fi
  # In a subshell: a file that cannot be written must not end the restoration.
  (write_stack "$env" "${before_extra%x}" "${before_sandbox%x}") >&2
  if [ "$uid:$gid" != "$before_uid:$before_gid" ]; then
    local replaced_uid=$uid replaced_gid=$gid
    uid=$before_uid gid=$before_gid before_uid=$replaced_uid before_gid=$replaced_gid
    give_to_gateway >/dev/null
  fi
  if has_mark; then
    undo_update || return
  elif [ -n "$configured" ] && [ -n "$before_config" ]; then
    restore_config
  else
    keep_link >&2
  fi
  if [ -n "$started" ]; then
    # Use the restored files. Only the environment may have named the project, so pass its name.
    compose_files=(--project-name "$project_name")
    # Without an engine, the mark `unfinished` stays, and the next setup restores the installation.
    if [ -z "$was_running" ]; then
      compose rm --stop --force openclaw-gateway openclaw-folders >&2
    else
      compose up --detach openclaw-gateway >&2 || {
        printf 'The former gateway could not be started: the error is above.\n  Hint: run setup again, which restores the installation first\n' >&2
        return
      }
      if has_mark; then rm -f -- "$snapshot_dir/$snapshot/unfinished"; fi
      wait_until_healthy "$(gateway_container --all)" || {
        printf 'The former gateway was started, but does not answer: the state of its container is %s.%s\n  Hint: look at its log: %s logs openclaw-gateway\n' \
          "$state" "${snapshot:+ Snapshot $snapshot has its state.}" "$compose_command" >&2
        return
      }
      printf 'The gateway is running%s again.\n' "${installed_version:+ version $installed_version}" >&2
    fi
  fi
  if [ "$env" != "${before_env%x}" ]; then (write_stack "${before_env%x}" "${before_extra%x}" "${before_sandbox%x}") >&2; fi
  forget_snapshot
}

# Whether the snapshot of this run is complete, and its update has not ended.
has_mark() { [ -n "$snapshot" ] && [ -f "$snapshot_dir/$snapshot/unfinished" ]; }

forget_snapshot() {
  if [ -n "$snapshot" ] && [ -d "$snapshot_dir/$snapshot" ]; then remove_snapshot "$snapshot"; fi
  if [ -n "$snapshot" ] && [ -d "$snapshot_dir/$snapshot.partial" ] && end_helpers; then remove_snapshot "$snapshot.partial"; fi
}
