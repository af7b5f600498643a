# shellcheck shell=bash
# shellcheck disable=SC2154 # setup.sh declares what the parts share
#
# Checks the answers of an image. On a host without Node, the image that is about to run decides what setup writes. It could answer with
# more than the user asked for: the whole disk as a mount, a privileged container. So every answer must be one that setup may write.

strange_answer() { # WHAT
  fail 'The image gave an answer that setup does not write' "$decider answered with $(printf '%s' "$1" | head -n 1 | LC_ALL=C tr -d '\000-\037\177')." \
    'do not use this image; with Node.js 22.18 or newer on this host, setup does not ask an image'
}

# Prints a switch as .env has it.
digit() {
  case $(printf '%s' "$1" | tr '[:upper:]' '[:lower:]') in
  1 | true | yes | on) printf 1 ;;
  0 | false | no | off) printf 0 ;;
  *) printf '%s' "$1" ;;
  esac
}

# Fails unless an answer is the value that the user gave.
same_as_given() { # ANSWER NAME [DEFAULT]
  [ "$1" = "$(given "$2" "${3:-}")" ] || strange_answer "$2=$1"
}

# Prints Compose's default project name.
default_project_name() {
  local name
  name=$(basename -- "$root" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^a-z0-9_-]//g' -e 's/^[_-]*//')
  name=${name:0:63}
  printf '%s' "${name:-openclaw}"
}

without_end_slashes() {
  local path=$1
  while [ "$path" != "${path%/}" ]; do path=${path%/}; done
  printf '%s' "$path"
}

check_answers() { # QUESTION
  local home=${HOME:-/tmp} default_socket
  case $1 in
  check)
    take image built config_dir workspace_dir secret_dir sandbox socket bind project_name gateway_port bridge_port uid gid host_address selinux_label snapshot_dir snapshots
    same_as_given "$image" OPENCLAW_IMAGE openclaw:local
    same_as_given "$config_dir" OPENCLAW_CONFIG_DIR "$home/.openclaw"
    same_as_given "$workspace_dir" OPENCLAW_WORKSPACE_DIR "$home/.openclaw/workspace"
    same_as_given "$secret_dir" OPENCLAW_AUTH_PROFILE_SECRET_DIR "$home/.openclaw-auth-profile-secrets"
    same_as_given "$snapshot_dir" OPENCLAW_SNAPSHOT_DIR "$(without_end_slashes "$config_dir")-snapshots"
    same_as_given "$snapshots" OPENCLAW_SNAPSHOTS 3
    same_as_given "$gateway_port" OPENCLAW_GATEWAY_PORT 18789
    same_as_given "$bridge_port" OPENCLAW_BRIDGE_PORT 18790
    same_as_given "$bind" OPENCLAW_GATEWAY_BIND lan
    same_as_given "$uid" OPENCLAW_UID "$(kept_id PUID)"
    same_as_given "$gid" OPENCLAW_GID "$(kept_id PGID)"
    default_socket=$(mountable_socket)
    case $default_socket in unix://*) ;; *) default_socket=/var/run/docker.sock ;; esac
    default_socket=$(given OPENCLAW_DOCKER_SOCKET "$default_socket")
    [ "$socket" = "${default_socket#unix://}" ] || strange_answer "the socket $socket"
    case $host_address in 127.0.0.1 | '[::1]') ;; *) same_as_given "$host_address" OPENCLAW_HOST_ADDRESS ;; esac
    same_as_given "$selinux_label" OPENCLAW_SELINUX_LABEL
    [ "$project_name" = "$(given COMPOSE_PROJECT_NAME "$(default_project_name)")" ] || strange_answer "the project $project_name"
    # The sandbox gets the engine's socket.
    case $sandbox:$(digit "$(given OPENCLAW_SANDBOX)") in yes:1 | : | :0) ;; *) strange_answer "OPENCLAW_SANDBOX=${sandbox:-no}" ;; esac
    case $built:$image in yes:openclaw:local | :*) ;; *) strange_answer "the build of $image" ;; esac
    check_build_variables
    ;;
  plan)
    take env_file extra_overlay sandbox_overlay token_from plain_token credential scheme sandbox_reason sandbox_hint sandbox_failed
    check_printed "$token_from" "$plain_token" "$sandbox_failed" "$sandbox_reason" "$sandbox_hint"
    check_login
    check_directories
    check_compose_files
    check_env_file
    check_overlays
    ;;
  configure)
    take credential scheme
    check_login
    ;;
  esac
}

check_printed() { # TEXT ...
  local text
  for text in "$@"; do case $text in *[[:cntrl:]]*) strange_answer "$text" ;; esac done
}

check_login() {
  check_printed "$credential"
  case $scheme in http | https | '') ;; *) strange_answer "the scheme $scheme" ;; esac
}

check_build_variables() {
  local line value
  answer_list export
  for line in ${LIST[@]+"${LIST[@]}"}; do
    value=${line#*=}
    case ${line%%=*} in
    OPENCLAW_DOCKER_APT_PACKAGES | OPENCLAW_IMAGE_APT_PACKAGES | OPENCLAW_IMAGE_PIP_PACKAGES | OPENCLAW_EXTENSIONS | OPENCLAW_SOURCE) same_as_given "$value" "${line%%=*}" ;;
    # A switch: yes, true and on become 1.
    OPENCLAW_INSTALL_BROWSER | OPENCLAW_INSTALL_DOCKER_CLI)
      case $value in '') ;; 1) [ -n "$(given "${line%%=*}")" ] || strange_answer "$line" ;; *) strange_answer "$line" ;; esac
      ;;
    *) strange_answer "the variable ${line%%=*}" ;;
    esac
  done
}

check_directories() {
  local path
  answer_list directory
  for path in ${LIST[@]+"${LIST[@]}"}; do
    case $path in "$config_dir" | "$config_dir"/* | "$workspace_dir" | "$workspace_dir"/* | "$secret_dir" | "$secret_dir"/*) ;; *) strange_answer "the folder $path" ;; esac
    case $path in *..*) strange_answer "the folder $path" ;; esac
  done
}

# The files are those of COMPOSE_FILE, or those that Compose finds by default, and then the overlays: a later file changes earlier ones.
check_compose_files() {
  local path base='' rest
  answer_list compose_file
  # A list that has only the default files is the same as none.
  case $(users_compose_files) in :*) rest=$(given COMPOSE_FILE): ;; *) rest=docker-compose.yml:$(users_compose_files): ;; esac
  while [ -n "$rest" ]; do
    path=${rest%%:*} rest=${rest#*:}
    case $path in
    '' | docker-compose.extra.yml | docker-compose.sandbox.yml) continue ;;
    compose.override.y*ml | docker-compose.override.y*ml) [ -f "$root/$path" ] || continue ;;
    esac
    base+=$path:
  done
  # Without the user's own file, the stack would have other settings than the user knows.
  rest=$base
  while [ -n "$rest" ]; do
    path=${rest%%:*} rest=${rest#*:}
    is_one_of "$path" ${LIST[@]+"${LIST[@]}"} || strange_answer "Compose files without $path"
  done
  base+=${extra_overlay:+docker-compose.extra.yml:}${sandbox_overlay:+docker-compose.sandbox.yml:}
  rest=$(printf '%s:' "${LIST[@]}")
  [ "$rest" = "$base" ] || strange_answer "the Compose files ${rest%:}"
  compose_list=${rest%:}
}

# Prints the Compose files of the user's: those in COMPOSE_FILE, each after a colon, or the override that Compose finds.
users_compose_files() {
  local path rest found=''
  rest=$(given COMPOSE_FILE):
  while [ -n "$rest" ]; do
    path=${rest%%:*} rest=${rest#*:}
    case $path in '' | docker-compose.yml | docker-compose.extra.yml | docker-compose.sandbox.yml | compose.override.y*ml | docker-compose.override.y*ml) ;; *) found+=:$path ;; esac
  done
  if [ -n "$found" ]; then printf '%s' "$found" && return 0; fi
  for path in "${overrides[@]}"; do
    if [ -f "$root/$path" ]; then printf '%s' "$path" && return 0; fi
  done
}

# Each entry of .env is one that it has already, or a setting with the value that the user gave.
check_env_file() {
  local line name text value last index before before_names now now_names now_texts
  read_entries "$(cat -- "$root/.env" 2>/dev/null)" ||
    fail '.env cannot be read' "$root/.env has a quote that is not closed." 'close the quote, and run setup again'
  before=(${ENTRIES[@]+"${ENTRIES[@]}"}) before_names=(${NAMES[@]+"${NAMES[@]}"})
  read_entries "$env_file" || strange_answer 'a quote in .env that is not closed'
  now=("${ENTRIES[@]}") now_names=("${NAMES[@]}") now_texts=("${TEXTS[@]}")
  for index in "${!now[@]}"; do
    line=${now[index]} name=${now_names[index]} text=${now_texts[index]}
    [ -n "$line" ] || continue
    if is_one_of "$line" ${before[@]+"${before[@]}"}; then
      [ -n "$name" ] || continue
      # The last one counts, so an earlier one must not become the last.
      last=$(last_of "$name" "${before_names[@]}")
      [ "$(last_of "$name" "${now_names[@]}")" != "$index" ] || [ "$line" = "${before[last]}" ] || strange_answer "an outdated value of $name"
      # A kept line must not undo what the user gives now. COMPOSE_FILE also names what this run writes.
      case $name:$(last_of "$name" "${now_names[@]}") in
      COMPOSE_FILE:"$index") ;;
      *) if ! is_setup_variable "$name" || ! is_set "$name"; then continue; fi ;;
      esac
    else
      name=${line%%=*} text=${line#*=}
      is_simple_value "$text" || strange_answer "the quotes of $name in .env"
    fi
    # A name with an index, as in A[$(command)], would run the command where bash looks the variable up.
    case $name in '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) strange_answer "the line $name in .env" ;; esac
    value=$(plain_value "$text" && printf x) value=${value%x}
    # Compose and shells expand $ outside of single quotes.
    last=${text//\\\\/}
    case $text in \'*) ;; *) case ${last//\\\$/} in *\$*) strange_answer "$name" ;; esac ;; esac
    case $name in
    # Nothing in it may be expanded.
    OPENCLAW_GATEWAY_TOKEN)
      case $text in \'*) ;; *[!A-Za-z0-9_.~=+/:@%,-]*) [ "$value" = "$(given "$name")" ] || strange_answer "$name" ;; esac
      [ -z "${!name:-}" ] || [ "$value" = "${!name}" ] || strange_answer "$name"
      ;;
    OPENCLAW_UID) [ "$value" = "$uid" ] || strange_answer "$line" ;;
    OPENCLAW_GID) [ "$value" = "$gid" ] || strange_answer "$line" ;;
    OPENCLAW_CONFIG_DIR) [ "$value" = "$config_dir" ] || strange_answer "$line" ;;
    OPENCLAW_WORKSPACE_DIR) [ "$value" = "$workspace_dir" ] || strange_answer "$line" ;;
    OPENCLAW_AUTH_PROFILE_SECRET_DIR) [ "$value" = "$secret_dir" ] || strange_answer "$line" ;;
    OPENCLAW_IMAGE) [ "$value" = "$image" ] || strange_answer "$line" ;;
    OPENCLAW_DOCKER_SOCKET) [ "${value#unix://}" = "$socket" ] || strange_answer "$line" ;;
    OPENCLAW_GATEWAY_PORT) [ "$value" = "$gateway_port" ] || strange_answer "$line" ;;
    OPENCLAW_BRIDGE_PORT) [ "$value" = "$bridge_port" ] || strange_answer "$line" ;;
    OPENCLAW_GATEWAY_BIND) [ "$value" = "$bind" ] || strange_answer "$line" ;;
    COMPOSE_PROJECT_NAME) [ "$value" = "$project_name" ] || strange_answer "$line" ;;
    COMPOSE_FILE) [ "$value" = "$compose_list" ] || strange_answer "$line" ;;
    OPENCLAW_[A-Z]* | OTEL_[A-Z]* | [A-Z]*_API_KEY | CONTAINER_ENGINE)
      [ "$value" = "$(given "$name")" ] || [ "$value" = "$(digit "$(given "$name")")" ] || strange_answer "$name"
      ;;
    *) strange_answer "the line $name in .env" ;;
    esac
  done
  check_nothing_dropped
}

# An entry that is missing would bring a default back: all interfaces instead of loopback.
check_nothing_dropped() {
  local name index
  for name in OPENCLAW_IMAGE OPENCLAW_CONFIG_DIR OPENCLAW_WORKSPACE_DIR OPENCLAW_AUTH_PROFILE_SECRET_DIR \
    OPENCLAW_GATEWAY_PORT OPENCLAW_BRIDGE_PORT OPENCLAW_GATEWAY_BIND OPENCLAW_GATEWAY_TOKEN COMPOSE_PROJECT_NAME; do
    is_one_of "$name" "${now_names[@]}" || strange_answer "a .env without $name"
  done
  # Compose finds the default files by itself.
  case $compose_list in docker-compose.yml | docker-compose.yml:compose.override.y*ml | docker-compose.yml:docker-compose.override.y*ml) ;; *) is_one_of COMPOSE_FILE "${now_names[@]}" || strange_answer 'a .env without COMPOSE_FILE' ;; esac
  for name in OPENCLAW_HOST_ADDRESS OPENCLAW_PIDS_LIMIT OPENCLAW_MEMORY_LIMIT OPENCLAW_UID OPENCLAW_GID OPENCLAW_IMAGE_TRUST OPENCLAW_USERNS CONTAINER_ENGINE; do
    [ -z "${!name:-}" ] || is_one_of "$name" "${now_names[@]}" || strange_answer "a .env without $name"
  done
  for index in ${before[@]+"${!before[@]}"}; do
    name=${before_names[index]}
    if [ -z "$name" ] || is_one_of "${before[index]}" "${now[@]}"; then continue; fi
    # Setup wrote the key with another value, which was checked above, or the user removes it.
    if is_one_of "$name" "${now_names[@]}" || is_set "$name"; then continue; fi
    # A former name that is given now replaces the newer one.
    if [ "$name" = OPENCLAW_IMAGE_APT_PACKAGES ] && [ -n "${OPENCLAW_DOCKER_APT_PACKAGES+set}" ]; then continue; fi
    case $name in COMPOSE_FILE) ;; *) strange_answer "a .env without $name" ;; esac
  done
}

# Prints a text as build/stack/compose-overlay.ts writes it.
yaml() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//\$/\$\$}"
}

# An overlay is the one that the user's mounts give, line by line: build/stack/compose-overlay.ts writes the same.
expected_extra_overlay() {
  local entry rest volume volumes='' service source target option
  rest=$(given OPENCLAW_EXTRA_MOUNTS),
  volume=$(given OPENCLAW_HOME_VOLUME)
  [ -z "$volume" ] || volumes=$'      - type: volume\n        source: openclaw-home\n        target: "/home/node"\n'
  while [ -n "$rest" ]; do
    entry=${rest%%,*}
    rest=${rest#*,}
    entry=${entry#"${entry%%[! ]*}"}
    entry=${entry%"${entry##*[! ]}"}
    [ -n "$entry" ] || continue
    source=${entry%%:*}
    target=${entry#*:}
    option=''
    case $target in *:*) option=${target#*:} target=${target%%:*} ;; esac
    volumes+=$'      - type: bind\n'"        source: $(yaml "$source")"$'\n'"        target: $(yaml "${target%/}")"$'\n'
    case $option in ro) volumes+=$'        read_only: true\n' ;; esac
    volumes+=$'        bind:\n          create_host_path: false\n'
    case $option in z | Z) volumes+="          selinux: $option"$'\n' ;; esac
  done
  [ -n "$volumes" ] || return 0
  printf '%s\nservices:\n' '# Written by scripts/docker/setup.sh from OPENCLAW_HOME_VOLUME and OPENCLAW_EXTRA_MOUNTS. Change these and run it again.'
  for service in openclaw-gateway openclaw-cli; do printf '  %s:\n    volumes:\n%s' "$service" "$volumes"; done
  [ -z "$volume" ] || printf 'volumes:\n  openclaw-home:\n    name: %s\n' "$(yaml "$volume")"
}

expected_sandbox_overlay() {
  local index group=''
  for ((index = 0; index < ${#inputs[@]}; index += 2)); do
    if [ "${inputs[index]}" = sandbox:group ]; then group=${inputs[index + 1]}; fi
  done
  printf '%s\nservices:\n  openclaw-gateway:\n    group_add:\n      - "%s"\n    volumes:\n      - type: bind\n        source: %s\n        target: "/var/run/docker.sock"\n' \
    '# Written by scripts/docker/setup.sh after all checks for the sandbox passed. OPENCLAW_SANDBOX=0 removes it.' "$group" "$(yaml "$socket")"
}

check_overlays() {
  [ "${extra_overlay}x" = "$(expected_extra_overlay && printf x)" ] ||
    strange_answer "another docker-compose.extra.yml than your mounts give: $extra_overlay"
  [ -z "$sandbox_overlay" ] ||
    { [ -n "$sandbox" ] && [ "${sandbox_overlay}x" = "$(expected_sandbox_overlay && printf x)" ]; } ||
    strange_answer "another docker-compose.sandbox.yml than OPENCLAW_SANDBOX gives: $sandbox_overlay"
}
