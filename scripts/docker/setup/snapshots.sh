# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers are expanded in them
#
# Snapshots: copies of the gateway's state, of the files of Compose, and of the image's name, made before an update.
#
# A snapshot is a folder with a number in $snapshot_dir. It has the folders state (OPENCLAW_CONFIG_DIR without the workspace), secret
# (OPENCLAW_AUTH_PROFILE_SECRET_DIR), workspace (the folder .openclaw of the workspace: newer gateways migrate it) and project (.env and
# overlays), and the file snapshot (lines NAME=VALUE). While it is made, its name ends in .partial. A file `unfinished` in it shows that the
# update has not ended yet: the next setup restores such a snapshot.

snapshot=''      # number of the snapshot of this run
snapshot_state='' # complete, when it holds the state

# Runs a shell script as root in a container with the folders of the state. `copy` and `remove` leave out the workspace, which belongs
# to people.
with_state() { # SCRIPT ARGUMENT ...
  local script=$1 workspace mounts=()
  shift
  if [ -d "$workspace_dir" ]; then mounts=(--volume "$workspace_dir:/workspace$label"); fi
  # Its path in the configuration, if it is there.
  workspace=${workspace_dir#"$config_dir"/}
  if [ "$workspace" = "$workspace_dir" ]; then
    workspace=$(real_path "$workspace_dir")
    workspace=${workspace#"$(real_path "$config_dir")"/}
  fi
  case $workspace in /*) workspace='' ;; esac
  workspace=$(without_end_slashes "$workspace")
  in_container --user 0:0 --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --env "WORKSPACE=$workspace" --env LC_ALL=C \
    --volume "$config_dir:/state$label" --volume "$secret_dir:/secret$label" --volume "$snapshot_dir:/snapshots$label" \
    ${mounts[@]+"${mounts[@]}"} --entrypoint sh "${tool_image:-$image}" -c '
      set -eu
      umask 077
      copy() { # FROM TO
        mkdir -p "$2"
        for path in "$1"/* "$1"/.[!.]* "$1"/..?*; do
          [ -e "$path" ] || [ -L "$path" ] || continue
          case /state/${WORKSPACE:-/}/ in
          "$path"/) ;;
          "$path"/*) (copy "$path" "$2/${path##*/}") ;;
          # Without owners, on a file system that has none.
          *) cp -a --reflink=auto "$path" "$2/" 2>/dev/null || cp -dR --reflink=auto --preserve=timestamps "$path" "$2/" ;;
          esac
        done
        chown --reference="$1" "$2" 2>/dev/null || true
        chmod --reference="$1" "$2"
        touch --reference="$1" "$2"
      }
      remove() { # FOLDER: its contents
        for path in "$1"/* "$1"/.[!.]* "$1"/..?*; do
          [ -e "$path" ] || [ -L "$path" ] || continue
          case /state/${WORKSPACE:-/}/ in
          "$path"/) ;;
          "$path"/*) (remove "$path") ;;
          *) rm -rf "$path" ;;
          esac
        done
      }
      '"$script" sh "$@"
}

# Prints a value of a snapshot.
snapshot_value() { # NUMBER NAME
  sed -n "s/^$2=//p" "$snapshot_dir/$1/snapshot" 2>/dev/null | tail -n 1
}

# Prints the numbers of all complete snapshots, the newest first.
snapshot_numbers() {
  local path name numbers=()
  for path in "$snapshot_dir"/*; do
    name=${path##*/}
    case $name in *[!0-9]* | '') ;; *) [ ! -f "$path/snapshot" ] || numbers[10#$name]=$name ;; esac
  done
  for name in ${numbers[@]+"${numbers[@]}"}; do printf '%s\n' "$name"; done | LC_ALL=C sed '1!G;h;$!d'
}

image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }
image_version() {
  docker image inspect --format '{{with .Config.Labels}}{{index . "org.opencontainers.image.version"}}{{end}}' "$1" 2>/dev/null |
    LC_ALL=C tr -dc 'A-Za-z0-9._+-'
}
snapshot_image() { printf 'openclaw-setup:snapshot-%s-%s' "$project_name" "$1"; }

# Makes the folder of a new snapshot, with the files of Compose. The state follows when the gateway is stopped.
begin_snapshot() { # KIND
  local newest folder
  newest=$(snapshot_numbers | head -n 1)
  snapshot=$((${newest:-0} + 1))
  folder=$snapshot_dir/$snapshot.partial
  make_snapshot_folder "$folder/project"
  {
    printf '%s' "${before_env%x}" >"$folder/project/.env"
    if [ -n "$before_extra" ]; then printf '%s' "${before_extra%x}" >"$folder/project/docker-compose.extra.yml"; fi
    if [ -n "$before_sandbox" ]; then printf '%s' "${before_sandbox%x}" >"$folder/project/docker-compose.sandbox.yml"; fi
    printf 'kind=%s\nimage=%s\nimage_id=%s\nversion=%s\nnext_version=%s\nuid=%s\ngid=%s\nrunning=%s\n' \
      "$1" "$was_image" "$installed_id" "$installed_version" "$next_version" "$before_uid" "$before_gid" "${was_running:+yes}" >"$folder/snapshot"
    : >"$folder/unfinished"
  } 2>"$lock/problem" || fail 'The snapshot could not be made' "$(reason_of "$(head -n 1 -- "$lock/problem")")" "make free space; to see what is full: df -h $snapshot_dir"
  docker tag "$installed_id" "$(snapshot_image "$snapshot")" ||
    fail 'The snapshot could not be made' 'The image that runs is not in the engine any more.' 'run setup again'
}

make_snapshot_folder() { # PATH
  local problem
  problem=$(umask 077 && LC_ALL=C mkdir -p -- "$1" 2>&1) ||
    fail "$1 cannot be created" "$(reason_of "$problem")" 'choose another folder for snapshots: OPENCLAW_SNAPSHOT_DIR=/folder scripts/docker/setup.sh'
}

# Copies the state of the stopped gateway.
save_state() {
  with_state '
    cd "/snapshots/$1.partial"
    copy /state state
    copy /secret secret
    if [ -d /workspace/.openclaw ]; then copy /workspace/.openclaw workspace; fi
    printf "created=%s\nbytes=%s\n" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(du -s --block-size=1 . | cut -f 1)" >>snapshot
    sync -f snapshot
    mv "/snapshots/$1.partial" "/snapshots/$1"' "$snapshot" 2>"$lock/problem" ||
    fail 'The state could not be saved before the update' "$(reason_of "$(tail -n 1 -- "$lock/problem")")" "make free space, or choose another disk: OPENCLAW_SNAPSHOT_DIR=/folder scripts/docker/setup.sh"
  snapshot_state=complete
  note "saved the state as snapshot $snapshot ($(megabytes "$(snapshot_value "$snapshot" bytes)"))"
}

megabytes() { printf '%s.%s MB' $((${1:-0} / 1000000)) $((${1:-0} / 100000 % 10)); }

# Puts the state of a snapshot in place of the present one. Repeating it does no harm, so an interrupted one can be repeated.
restore_state() { # NUMBER
  with_state '
    [ -d "/snapshots/$1/state" ] && [ -d "/snapshots/$1/secret" ]
    remove /state
    remove /secret
    copy "/snapshots/$1/state" /state
    copy "/snapshots/$1/secret" /secret
    rm -rf /workspace/.openclaw
    if [ -d "/snapshots/$1/workspace" ]; then copy "/snapshots/$1/workspace" /workspace/.openclaw; fi' "$1"
}

# Marks the update as ended, and removes old snapshots.
finish_snapshot() {
  [ -n "$snapshot" ] || return 0
  rm -f -- "$snapshot_dir/$snapshot/unfinished"
  local number count=0
  for number in $(snapshot_numbers); do
    count=$((count + 1))
    if [ "$count" -gt "$snapshots" ]; then remove_snapshot "$number"; fi
  done
}

remove_snapshot() { # NUMBER, or another name of a folder
  with_state 'rm -rf "/snapshots/$1"' "$1" || true
  docker image rm "$(snapshot_image "${1%.partial}")" >/dev/null 2>&1 || true
}

# Stores which image the installation runs: its container may be removed before the next update.
record_installed() {
  make_snapshot_folder "$snapshot_dir"
  write_file "$snapshot_dir/installed" "image_id=$(image_id "$image")"$'\n'"version=$(image_version "$image")"$'\n' >/dev/null
}
