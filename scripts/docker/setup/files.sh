# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # setup.sh declares what the parts share
#
# Checks the files of Compose before anything is written, and writes them, each one atomically.

# Setup passes these on in .env. They are unset afterwards, so that this script and a later `docker compose` use the same values.
unset_given() {
  local name
  while IFS= read -r name; do
    case $name in OPENCLAW_* | OTEL_* | *_API_KEY | COMPOSE_FILE | COMPOSE_PROJECT_NAME | COMPOSE_DISABLE_ENV_FILE | COMPOSE_ENV_FILES | CONTAINER_ENGINE | PUID | PGID) unset "$name" ;; esac
  done < <(compgen -e)
}

# Refuses files that Compose does not accept, with the first one that it does not accept. Sets `published`: the ports that they publish,
# one in a line. Compose reads the planned .env and overlay in the folder of the lock, which is removed with the lock.
check_compose() { # FILE ...
  local planned=$lock/planned file output files=()
  (umask 077 && mkdir -p "$planned" && printf '%s' "$env_file" >"$planned/.env" && printf '%s' "$extra_overlay" >"$planned/docker-compose.extra.yml") ||
    fail 'The Compose files could not be checked' 'The error is above.' "make free space on the disk of $root"
  read_by_compose() { (unset_given && cd "$root" && docker compose --project-directory "$root" --env-file "$planned/.env" "$@" config 2>&1); }
  for file in "$@"; do
    case $file in
    docker-compose.extra.yml) files+=(--file "$planned/$file") ;;
    # It does not depend on values of the user's, and may not exist yet.
    docker-compose.sandbox.yml) ;;
    *) files+=(--file "$file") ;;
    esac
  done
  planned_files=("${files[@]}")
  if output=$(read_by_compose "${files[@]}"); then
    published=$(sed -n 's/^ *published: "\(.*\)"$/\1/p' <<<"$output")
    grep -q '^  openclaw-gateway:$' <<<"$output" || refuse_other_project
    find_login_of_override "$output"
    refuse_missing_external <<<"$output"
    return 0
  fi
  # The overlays name the service, but nothing says what it runs.
  case $output in *'service "openclaw-gateway" has neither an image'* | *'service "openclaw-cli" has neither an image'*) refuse_other_project ;; esac
  # Not all messages of Compose name the file.
  while [ "${#files[@]}" -gt 2 ] && ! read_by_compose "${files[@]:0:${#files[@]}-2}" >/dev/null; do files=("${files[@]:0:${#files[@]}-2}"); done
  output=$(read_by_compose "${files[@]}") || true
  file=${files[${#files[@]} - 1]}
  # Compose quotes a line of .env, which may be a secret.
  case $output in *"$planned/.env"*) file=.env output="a mistake in $(grep -oE 'line [0-9]+' <<<"$output" | first_line)" ;; esac
  output=${output//"$planned"/"$root"}
  refuse "$root" "${file#"$planned/"}" "is not accepted by Compose: $(printf '%s' "$output" | tail -n 1)" 'correct that file; nothing was changed'
}

refuse_other_project() {
  refuse COMPOSE_FILE "$(given COMPOSE_FILE)" 'has no service openclaw-gateway' \
    "begin it with this project's file: COMPOSE_FILE=docker-compose.yml:…; or unset it, if it is that of another project"
}

# Refuses networks and volumes that a Compose file expects, and that do not exist. Reads Compose's output.
refuse_missing_external() {
  local line kind='' name=''
  while IFS= read -r line; do
    case $line in
    networks:) kind=network ;;
    volumes:) kind=volume ;;
    [a-z]*) kind='' ;;
    '    name: '*) name=${line#*name: } name=${name#\"} name=${name%\"} ;;
    esac
    if [ -z "$kind" ] || [ "$line" != '    external: true' ]; then continue; fi
    docker "$kind" inspect "$name" >/dev/null 2>&1 ||
      refuse "$root" "$kind $name" 'is external in a Compose file, and does not exist' "create it: $container_engine $kind create $name; or correct the file"
  done
}

# Prints the line of Compose's output that has a variable of the gateway.
line_of_variable() { # NAME
  sed -n -e "/^  openclaw-gateway:/,/^  [^ ]/s/^ *$1: *//p"
}

# Whether two outputs of Compose give the gateway the same value.
same_variable() { # NAME OUTPUT OUTPUT
  [ "$(line_of_variable "$1" <<<"$2")" = "$(line_of_variable "$1" <<<"$3")" ]
}

# Finds a login that the user's Compose files set: the gateway accepts that one, not the one in .env.
find_login_of_override() { # OUTPUT of Compose for all files
  local ours
  override_token='' override_password=''
  [ -n "$(users_compose_files)" ] || return 0
  ours=$(read_by_compose --file docker-compose.yml) || ours=''
  same_variable OPENCLAW_GATEWAY_TOKEN "$1" "$ours" || override_token=yes
  same_variable OPENCLAW_GATEWAY_PASSWORD "$1" "$ours" || override_password=yes
}

# A token in openclaw.json counts more than a variable.
credential_of_override() {
  if [ -n "$override_token" ] && [ -z "$credential$plain_token" ]; then credential='the OPENCLAW_GATEWAY_TOKEN of your Compose files'; fi
}

# Prints the reason at the end of a program's message.
reason_of() { printf '%s.' "${1##*: }"; }

# Prints what to do if a path cannot be written.
writing_hint() { # PATH MESSAGE HINT
  case $2 in
  *'quota exceeded'*) printf '%s' "make room in the quota of ${1%/*}, or have it raised; df does not show it" ;;
  *'No space left'* | *'no space left'*) printf '%s' "make free space; to see what is full: df -h $(dirname -- "$1")" ;;
  *'ead-only file system'*) printf 'mount the file system for writing, or move the folder' ;;
  *'ounts denied'*) printf '%s' "share $1 with Docker Desktop: Settings, Resources, File sharing" ;;
  *) printf '%s' "$3" ;;
  esac
}

cannot_write() { # PATH MESSAGE
  local hint='run setup as the owner of the file and of its folder'
  case $2 in *'Operation not permitted'*) hint="it may be immutable; to look: lsattr $1; to change it, as root: chattr -i $1" ;; esac
  hint=$(writing_hint "$1" "$2" "$hint")
  if [ -n "$partial" ]; then rm -f -- "$partial"; fi
  fail "$1 cannot be written" "$(reason_of "$2")" "$hint"
}

refuse_unreadable_dot_env() {
  if [ ! -e "$root/.env" ] || [ -r "$root/.env" ]; then return 0; fi
  refuse .env "$root/.env" 'may not be read by this user' "run setup as its owner, or, as root: chown $(id -u):$(id -g) $root/.env"
}

# Reads the files that this run may replace, so that they can be restored.
remember_files() {
  before_env=$(content_of "$root/.env")
  before_uid=$(kept_id OPENCLAW_UID PUID) before_gid=$(kept_id OPENCLAW_GID PGID)
  before_config=$(content_of "$config_dir/openclaw.json")
  # Before the first installation, no file is the gateway's.
  if [ -z "$before_env$before_config" ]; then before_uid=$uid before_gid=$gid; fi
  before_link=$(readlink -- "$config_dir/openclaw.json" 2>/dev/null) || before_link=''
  before_extra=$(content_of "$root/docker-compose.extra.yml")
  before_sandbox=$(content_of "$root/docker-compose.sandbox.yml")
}

partial='' # a file that is being written
# Replaces a file atomically, with mode 600. Does nothing if the content is the same. A symbolic link stays: its file is replaced.
write_file() { # PATH CONTENT
  local path content=$2 output
  path=$(link_target "$1") || fail "$1 cannot be written" 'It is a symbolic link whose target could not be read.' 'replace the link by its file'
  if [ -f "$path" ] && [ "$(cat -- "$path" && printf x)" = "${content}x" ]; then
    case $(ls -ld -- "$path") in -rw-------*) return 0 ;; esac
    output=$(LC_ALL=C chmod 600 "$path" 2>&1) || cannot_write "$path" "$output"
    return 0
  fi
  output=$(LC_ALL=C mktemp "$path.setup.XXXXXX" 2>&1) || cannot_write "$path" "$output"
  partial=$output
  # After sudo, the user reads and changes the file as before.
  if [ "$(id -u)" -eq 0 ]; then
    output=$path
    if [ ! -e "$path" ]; then output=$(dirname -- "$path"); fi
    chown -h "$(owner_of "$output")" "$partial" 2>/dev/null || true
  fi
  output=$(export LC_ALL=C && { printf '%s' "$content" >"$partial" && mv -f -- "$partial" "$path"; } 2>&1) || cannot_write "$path" "$output"
  partial=''
  note "wrote ${path#"$root/"}"
}

# Prints the user and the group of a path: 1000:1000. Systems differ in stat.
# shellcheck disable=SC2012
owner_of() {
  local owner group
  read -r _ _ owner group _ < <(LC_ALL=C ls -ldn -- "$1") && printf '%s:%s' "$owner" "$group"
}

SEAL='# Checksum of the lines above: ' # the last line of an overlay that setup wrote, before the output of cksum

# Adds their checksums to the planned overlays.
seal_overlays() {
  local name
  for name in extra_overlay sandbox_overlay; do
    [ -z "${!name}" ] || printf -v "$name" '%s%s%s\n' "${!name}" "$SEAL" "$(printf '%s' "${!name}" | cksum)"
  done
}

# Whether an overlay is as setup wrote it. One of an earlier version has no checksum, and counts as such.
is_own_overlay() { # PATH
  local checksum
  head -n 1 -- "$1" | grep -q '^# Written by scripts/docker/setup\.sh' || return
  checksum=$(sed -n "s/^$SEAL//p" "$1" | tail -n 1)
  [ -z "$checksum" ] || [ "$({ grep -vF "$SEAL" "$1" || true; } | cksum)" = "$checksum" ]
}

# Saves an overlay that somebody else wrote or changed, before it is replaced or removed.
save_foreign() { # PATH CONTENT
  local saved=$1.saved number=2 problem
  if [ ! -f "$1" ] || is_own_overlay "$1" || [ "$(cat -- "$1" && printf x)" = "${2}x" ]; then return 0; fi
  while [ -e "$saved" ]; do saved=$1.saved.$number number=$((number + 1)); done
  problem=$(LC_ALL=C mv -- "$1" "$saved" 2>&1) || cannot_write "$1" "$problem"
  note "saved your ${1#"$root/"} as ${saved#"$root/"}: setup writes this file itself; use docker-compose.override.yml for your own settings"
}

remove_file() { # PATH
  local problem
  if [ ! -f "$1" ]; then return 0; fi
  problem=$(LC_ALL=C rm -f -- "$1" 2>&1) || cannot_write "$1" "$problem"
  note "removed ${1#"$root/"}"
}

# Refuses a folder whose path leads through a file.
refuse_file_as_folder() { # NAME PATH
  local path=$2
  until [ -e "$path" ]; do path=$(dirname -- "$path"); done
  [ -d "$path" ] || refuse "$1" "$2" "cannot be a folder: $path is a file" 'choose another folder, or move the file away'
}

# Refuses an openclaw.json that is a link which the gateway cannot follow: in the container, the rest of the host does not exist. With
# more mounts, it may.
refuse_link_out_of_config() {
  local path=$config_dir/openclaw.json target folder links=0
  if [ -n "$(given OPENCLAW_EXTRA_MOUNTS)" ] || [ -n "$(users_compose_files)" ]; then return 0; fi
  while [ -h "$path" ] && [ "$links" -lt 40 ]; do
    links=$((links + 1))
    target=$(readlink -- "$path")
    folder=$(dirname -- "$path")/$(dirname -- "$target")
    case $target in /*) folder=/ ;; esac
    folder=$(real_path "$folder")
    case $folder/ in
    "$(real_path "$config_dir")"/*) ;;
    *)
      refuse OPENCLAW_CONFIG_DIR "$path" "is a link to $target, which the gateway cannot follow in its container" \
        "put the file itself into $config_dir, under the name openclaw.json; a link to it can be anywhere"
      ;;
    esac
    path=$folder/$(basename -- "$target")
  done
}

# Creates a folder of the user's data. The container creates those in the configuration that this user cannot: they may already belong
# to the gateway.
make_folder() { # PATH
  local path=$1 problem
  problem=$( (if [ "$path" != "$secret_dir" ]; then umask 022; fi && LC_ALL=C mkdir -p -- "$path") 2>&1) || [ "$path" != "${path#"$config_dir/"}" ] ||
    fail "$path cannot be created" "$(reason_of "$problem")" 'create it, or set its variable to a folder that you own'
}

# .env names the overlays, so it is written after new overlays exist, and before old ones are removed.
write_stack() { # ENV EXTRA SANDBOX: contents; empty: remove the file
  save_foreign "$root/docker-compose.extra.yml" "$2"
  save_foreign "$root/docker-compose.sandbox.yml" "$3"
  if [ -n "$2" ]; then write_file "$root/docker-compose.extra.yml" "$2"; fi
  if [ -n "$3" ]; then write_file "$root/docker-compose.sandbox.yml" "$3"; fi
  if [ -n "$1" ]; then write_file "$root/.env" "$1"; else remove_file "$root/.env"; fi
  if [ -z "$2" ]; then remove_file "$root/docker-compose.extra.yml"; fi
  if [ -z "$3" ]; then remove_file "$root/docker-compose.sandbox.yml"; fi
}
