# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers are expanded in them
#
# Snapshots: copies of the gateway's state, of the files of Compose, and of the image's name, made before an update.
#
# A snapshot is a folder with a number in $snapshot_dir. Only its folder `data` is visible to containers. It has state
# (OPENCLAW_CONFIG_DIR without the workspace), secret (OPENCLAW_AUTH_PROFILE_SECRET_DIR), and workspace (the folder .openclaw of the
# workspace: newer gateways migrate it). Beside it are project (.env and overlays) and the file snapshot (lines NAME=VALUE). While a
# snapshot is made, its name ends in .partial. The file `unfinished` shows that the update has not ended: the next setup undoes it.

snapshot='' # number of the snapshot of this run

# Runs a shell script as root in a container with the folders of the state, and the folder `data` of a snapshot. `copy` and `remove` leave
# out the workspace, which belongs to people, and the secrets, which are copied separately.
with_state() { # SNAPSHOT SCRIPT ARGUMENT ...
  local data=$snapshot_dir/$1/data script=$2 mounts=() nested
  shift 2
  nested=$(path_in_config "$workspace_dir")
  # This user may not see a workspace in a configuration that belongs to the gateway.
  if [ -d "$workspace_dir" ] || [ ! -x "$config_dir" ]; then mounts=(--volume "$workspace_dir:/workspace$label"); fi
  in_container --user 0:0 --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add FSETID --env LC_ALL=C \
    --env "NESTED=$nested" --env "NESTED_TARGET=$(physical_in_config "$workspace_dir")" --env "NESTED_SECRET=$(path_in_config "$secret_dir")" \
    --volume "$config_dir:/state$label" --volume "$secret_dir:/secret$label" --volume "$data:/snapshot$label" \
    ${mounts[@]+"${mounts[@]}"} --entrypoint sh "$(tool_image)" -c '
      set -eu
      umask 077
      # Prints whether a path is left out, contains one that is left out, or neither.
      kind_of() { # PATH
        for left_out in "$NESTED" "$NESTED_TARGET" "$NESTED_SECRET"; do
          case /state/${left_out:-/}/ in
          "$1"/) echo left-out && return ;;
          "$1"/*) echo holder && return ;;
          esac
        done
        echo plain
      }
      # On a file system without owners, chown fails.
      owners_in() { touch "$1/.setup-owner" && { chown 1:1 "$1/.setup-owner" 2>/dev/null && echo yes || echo no; } && rm -f "$1/.setup-owner"; }
      copy() { # FROM TO
        mkdir -p "$2"
        for path in "$1"/* "$1"/.[!.]* "$1"/..?*; do
          [ -e "$path" ] || [ -L "$path" ] || continue
          case $(kind_of "$path") in
          left-out) ;;
          holder) (copy "$path" "$2/${path##*/}") ;;
          *) if [ "$owners" = yes ]; then cp -a --reflink=auto "$path" "$2/"; else cp -dR --reflink=auto --preserve=timestamps "$path" "$2/"; fi ;;
          esac
        done
        if [ "$owners" = yes ]; then chown --reference="$1" "$2" && chmod --reference="$1" "$2"; fi
        touch --reference="$1" "$2"
      }
      remove() { # FOLDER: its contents
        for path in "$1"/* "$1"/.[!.]* "$1"/..?*; do
          [ -e "$path" ] || [ -L "$path" ] || continue
          case $(kind_of "$path") in
          left-out) ;;
          holder) (remove "$path") ;;
          # A mount point becomes empty, but stays.
          *) rm -rf "$path" 2>/dev/null || [ -d "$path" ] ;;
          esac
        done
      }
      has_own_state() { [ -d /workspace/.openclaw ] && [ ! -L /workspace/.openclaw ]; }
      '"$script" sh "$@"
}

# The image that the installation runs: an image that has just failed does not touch the state.
tool_image() {
  local name
  for name in ${undone_image:+"$undone_image"} ${installed_id:+"$installed_id"}; do
    if has_image "$name"; then printf '%s' "$name" && return 0; fi
  done
  printf '%s' "$image"
}

# Prints the path of a folder in the configuration; nothing if it is elsewhere.
path_in_config() { # FOLDER
  local path=${1#"$config_dir"/}
  if [ "$path" != "$1" ]; then without_end_slashes "$path"; else physical_in_config "$1"; fi
}

physical_in_config() { # FOLDER
  local path config
  path=$(real_path "$1") config=$(real_path "$config_dir")
  [ "${path#"$config"/}" = "$path" ] || printf '%s' "${path#"$config"/}"
}

# Prints a number that a container has printed: bash would run a command in the index of an array.
digits() { case $1 in '' | *[!0-9]*) printf 0 ;; *) printf '%s' "$1" ;; esac; }
# Prints the last line of an error, without terminal sequences.
last_problem() {
  local problem
  problem=$(tail -n 1 -- "$lock/problem" | LC_ALL=C tr -d '\000-\037\177')
  printf '%s' "${problem:-The reason could not be written, as on a full disk}"
}
megabytes() {
  local size
  size=$(digits "${1:-}")
  printf '%s.%s MB' $((size / 1000000)) $((size / 100000 % 10))
}

# Prints a value of a snapshot.
snapshot_value() { # NUMBER NAME
  { sed -n "s/^$2=//p" "$snapshot_dir/$1/snapshot" 2>/dev/null || true; } | tail -n 1
}

# Prints the numbers of all complete snapshots, the newest first.
snapshot_numbers() {
  local path name numbers=()
  for path in "$snapshot_dir"/*; do
    name=${path##*/}
    case $name in 0* | *[!0-9]* | '') ;; *) [ ! -f "$path/snapshot" ] || numbers[name]=$name ;; esac
  done
  for name in ${numbers[@]+"${numbers[@]}"}; do printf '%s\n' "$name"; done | LC_ALL=C sed '1!G;h;$!d'
}

image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }
image_version() {
  { docker image inspect --format '{{with .Config.Labels}}{{index . "org.opencontainers.image.version"}}{{end}}' "$1" 2>/dev/null || true; } |
    LC_ALL=C tr -dc 'A-Za-z0-9._+-'
}
# Prints where the image came from, to pull it again: NAME@sha256:…; nothing if it was built or loaded here.
image_source() { # IMAGE
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" 2>/dev/null | grep -v '^localhost[:/]' | grep -m 1 -E '^[^@]+/[^@]+@sha256:[0-9a-f]{64}$' || true
}
snapshot_image() { printf 'openclaw-setup:snapshot-%s-%s' "$project_name" "${1%.partial}"; }
# Whether the engine has the image of a snapshot under its name. An installation with the same project name may have given it to its own.
has_snapshot_image() { # NUMBER
  local id
  id=$(image_id "$(snapshot_image "$1")")
  [ -n "$id" ] && { [ "$id" = "$(snapshot_value "$1" image_id)" ] || [ -z "$(snapshot_value "$1" image_id)$(snapshot_value "$1" version)" ] || [ "$(image_version "$id" | grep .)" = "$(snapshot_value "$1" version)" ]; }
}
# A name with a digest always means the same image, and cannot be given to another.
tag_image() { # IMAGE NAME
  case $2 in '' | *@*) ;; *) docker tag "$1" "$2" ;; esac
}

make_snapshot_folder() { # PATH
  local problem
  problem=$(umask 077 && LC_ALL=C mkdir -p -- "$1" 2>&1) ||
    fail "$1 cannot be created" "$(reason_of "$problem")" 'choose another folder for snapshots: OPENCLAW_SNAPSHOT_DIR=/folder scripts/docker/setup.sh'
  (write_file "$snapshot_dir/project" "$project_name") >/dev/null
}

# Makes the folder of a new snapshot, with the files of Compose. The state follows when the gateway is stopped.
begin_snapshot() { # KIND
  local newest folder
  newest=$(snapshot_numbers | first_line)
  snapshot=$((${newest:-0} + 1))
  # An incomplete one may be left of a run that could not remove it.
  while [ -e "$snapshot_dir/$snapshot" ] || [ -e "$snapshot_dir/$snapshot.partial" ]; do snapshot=$((snapshot + 1)); done
  folder=$snapshot_dir/$snapshot.partial
  make_snapshot_folder "$folder/project"
  make_snapshot_folder "$folder/data"
  {
    printf '%s' "${before_env%x}" >"$folder/project/.env" &&
      { [ -z "$before_extra" ] || printf '%s' "${before_extra%x}" >"$folder/project/docker-compose.extra.yml"; } &&
      { [ -z "$before_sandbox" ] || printf '%s' "${before_sandbox%x}" >"$folder/project/docker-compose.sandbox.yml"; } &&
      printf '%s=%s\n' kind "$1" image "$was_image" image_id "$installed_id" version "$installed_version" \
        source "$(image_source "$installed_id")" next_image_id "$(image_id "${2:-$next_image}")" next_version "$next_version" uid "$before_uid" gid "$before_gid" running "${was_running:+yes}" \
        config_dir "$config_dir" workspace_dir "$workspace_dir" secret_dir "$secret_dir" >"$folder/snapshot" &&
      : >"$folder/unfinished"
  } 2>"$lock/problem" || fail 'The snapshot could not be made' "$(reason_of "$(last_problem)")" "make free space; to see what is full: df -h $snapshot_dir"
  # The image may be gone from the engine. Then a rollback needs it again.
  if has_image "${installed_id:-none}"; then docker tag "$installed_id" "$(snapshot_image "$snapshot")"; fi
}

# Copies the state of the stopped gateway.
save_state() { # [HINT for a full disk]
  local output
  output=$(with_state "$snapshot.partial" '
    owners=$(owners_in /snapshot)
    [ "$owners" = yes ] || : >/snapshot/without-owners
    copy /state /snapshot/state
    copy /secret /snapshot/secret
    if has_own_state; then copy /workspace/.openclaw /snapshot/workspace; fi
    sync -f /snapshot
    date -u +%Y-%m-%dT%H:%M:%SZ
    du -s --block-size=1 /snapshot | cut -f 1' 2>"$lock/problem") ||
    fail 'The state could not be saved before the update' "$(reason_of "$(last_problem)")" "${1:-make free space, or choose another disk: OPENCLAW_SNAPSHOT_DIR=/folder scripts/docker/setup.sh}"
  printf 'created=%s\nbytes=%s\n' "$(printf '%s' "${output%%$'\n'*}" | LC_ALL=C tr -dc '0-9TZ:-')" "$(digits "${output##*$'\n'}")" >>"$snapshot_dir/$snapshot.partial/snapshot"
  mv -- "$snapshot_dir/$snapshot.partial" "$snapshot_dir/$snapshot"
  note "saved the state as snapshot $snapshot ($(megabytes "$(snapshot_value "$snapshot" bytes)"))"
}

# Puts the state of a snapshot in place of the present one. Repeating it does no harm, so an interrupted one can be repeated.
restore_state() { # NUMBER
  with_state "$1" '
    { [ -d /snapshot/state ] && [ -d /snapshot/secret ]; } || { echo "the snapshot is not complete" >&2 && exit 1; }
    owners=$(owners_in /state)
    [ ! -e /snapshot/without-owners ] || owners=no
    remove /state
    remove /secret
    copy /snapshot/state /state
    copy /snapshot/secret /secret
    if has_own_state; then rm -rf /workspace/.openclaw; fi
    if [ -d /snapshot/workspace ] && [ ! -L /workspace/.openclaw ]; then copy /snapshot/workspace /workspace/.openclaw; fi
    if [ -e /snapshot/without-owners ]; then
      chown -R "$1:$2" /secret /workspace/.openclaw 2>/dev/null || true
      for path in /state/* /state/.[!.]*; do [ "$(kind_of "$path")" != plain ] || chown -R "$1:$2" "$path" 2>/dev/null || true; done
    fi
    sync -f /state' "$(snapshot_value "$1" uid)" "$(snapshot_value "$1" gid)"
}

# Keeps the newest snapshots. The one of this run and that of the newest update are always among them.
remove_old_snapshots() {
  local number update='' others=$snapshots
  for number in $(snapshot_numbers); do
    if [ -z "$update" ] && [ "$(snapshot_value "$number" kind)" = update ]; then update=$number; fi
  done
  if [ -n "$snapshot" ]; then others=$((others - 1)); fi
  if [ -n "$update" ] && [ "$update" != "$snapshot" ]; then others=$((others - 1)); fi
  for number in $(snapshot_numbers); do
    if [ "$number" = "$snapshot" ] || [ "$number" = "$update" ]; then continue; fi
    others=$((others - 1))
    if [ "$others" -lt 0 ]; then remove_snapshot "$number"; fi
  done
}

# Its files belong to the gateway's user, so a container removes them. It gets another name first, so that half of one is never restored.
remove_snapshot() { # NUMBER, or another name of a folder
  local removed=removed-$1
  case $1 in removed-*) removed=$1 ;; *) mv -- "$snapshot_dir/$1" "$snapshot_dir/$removed" || return 0 ;; esac
  if [ -d "$snapshot_dir/$removed/data" ]; then with_state "$removed" 'find /snapshot -mindepth 1 -delete' 2>/dev/null || true; fi
  rm -rf -- "${snapshot_dir:?}/$removed" || true
  docker image rm "$(snapshot_image "$1")" >/dev/null 2>&1 || true
}

# Stores which image the installation runs: its container may be removed before the next update.
record_installed() {
  (umask 077 && mkdir -p -- "$snapshot_dir") 2>/dev/null || return 0
  (write_file "$snapshot_dir/installed" "image_id=$(image_id "$image")"$'\n'"version=$(image_version "$image")"$'\n') >/dev/null 2>&1 || true
}
