# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers are expanded in them
#
# Passes inputs to build/setup.ts, and reads its decisions.

node_is_new_enough() { # type stripping without a flag since 22.18
  command -v node >/dev/null 2>&1 &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 18) ? 0 : 1)' 2>/dev/null
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Chooses the Node that runs build/setup.ts: the host's, the toolchain's, or the image's.
choose_node() {
  local image=${OPENCLAW_IMAGE:-}
  if node_is_new_enough; then
    decider=host
    return 0
  fi
  [ -n "$image" ] || image=$(in_env_file OPENCLAW_IMAGE)
  [ -n "$image" ] || image=openclaw:local
  if ! has_image "$image"; then
    if [ -n "$offline" ]; then
      refuse OPENCLAW_IMAGE "$image" 'is not in the engine, and --offline does not pull' "load it first: $container_engine load -i FILE"
    elif [ "$image" != openclaw:local ]; then
      # Its Node would run before setup knows what is installed.
      if is_set_up; then accept_unsigned; fi
      pull "$image"
    elif command -v npm >/dev/null 2>&1; then
      decider=toolchain
      return 0
    else
      image=openclaw-setup:base-$$ # the base image, which the build needs too
      decider_image=$image
      docker build --quiet --tag "$image" - <"$root/dockerfiles/base.Dockerfile" >/dev/null ||
        fail 'The base image could not be pulled' 'The error of the registry is above.' 'load an image, then run setup with --offline'
    fi
  fi
  decider=$image
}

input() { inputs+=("$1" "$2"); }
input_file() { # NAME PATH
  local content
  content=$(content_of "$2") || fail "$2 could not be read" 'The error is above.' 'move a folder of that name away, or run setup as the owner of the file'
  if [ -n "$content" ]; then input "$1" "${content%x}"; fi
}

# Prints a file and an x, which keeps the line ends that a shell drops from output. Prints nothing if the file does not exist. Files of
# the gateway belong to uid 1000, so another user may need a container to read them.
content_of() {
  local folder
  folder=$(dirname -- "$1")
  if [ -d "$1" ]; then
    printf '%s is a folder, but must be a file.\n' "$1" >&2
    return 1
  fi
  if [ -r "$1" ]; then
    cat -- "$1" && printf x
  elif [ -e "$1" ] || { [ -d "$folder" ] && [ ! -x "$folder" ]; }; then
    in_container --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --volume "$folder:/from:ro" \
      --entrypoint sh "$image" -c 'if [ -f "/from/$1" ]; then cat "/from/$1" && printf x; fi' sh "$(basename -- "$1")"
  fi
}

# Runs build/setup.ts. Inputs go to its standard input, so that no secret is an argument. Its output ends with `end`.
run_decider() { # QUESTION
  printf '%s\0' "${inputs[@]}" | case $decider in
  host) node --disable-warning=ExperimentalWarning "$root/build/setup.ts" "$1" ;;
  toolchain) "$root/scripts/with-toolchain" node "$root/build/setup.ts" "$1" ;;
  *)
    # The answers go on, and its messages through a filter.
    { in_container --interactive --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --read-only \
      --volume "$root/build:/openclaw-image:ro" --entrypoint node "$decider" \
      --experimental-strip-types --disable-warning=ExperimentalWarning /openclaw-image/setup.ts "$1" 2>&1 >&3 | plain_text >&2; } 3>&1
    ;;
  esac
}

decide() { # QUESTION
  local part
  answers=()
  while IFS= read -r -d '' part; do answers+=("$part"); done < <(run_decider "$1")
  [ "${answers[${#answers[@]} > 1 ? ${#answers[@]} - 2 : 0]:-}" = end ] ||
    fail 'The request could not be checked' "The error is above. The check ran in: $decider." \
      'install Node.js 24, or use an image with Node 22.18 or newer'
  take problems
  if [ -n "$problems" ]; then
    printf '%s\n' "$problems" | plain_text >&2
    exit 2
  fi
  case $decider in host | toolchain) ;; *) check_answers "$1" ;; esac
}

take() { # NAME ...: copies answers into variables of the same names
  local name index
  for name in "$@"; do
    printf -v "$name" '%s' ''
    for ((index = 0; index < ${#answers[@]}; index += 2)); do
      if [ "${answers[index]}" = "$name" ]; then
        printf -v "$name" '%s' "${answers[index + 1]}"
        break
      fi
    done
  done
}

answer_list() { # NAME: copies all answers of that name into LIST
  local index
  LIST=()
  for ((index = 0; index < ${#answers[@]}; index += 2)); do
    if [ "${answers[index]}" = "$1" ]; then LIST+=("${answers[index + 1]}"); fi
  done
}

physical() { # NAME PATH: adds the path without symbolic links
  local resolved
  resolved=$(CDPATH='' cd -- "$2" 2>/dev/null && pwd -P) || return 0
  if [ "$resolved" != "$2" ]; then input "physical:$1" "$resolved"; fi
}

# openclaw.json, and the variables that the gateway reads beside it.
input_configuration() {
  input config_path "$config_dir/openclaw.json"
  input_file file:openclaw.json "$config_dir/openclaw.json"
  input_file file:config.env "$config_dir/.env"
  input override_password "$override_password"
}

gather_inputs() {
  inputs=()
  input project "$root"
  local name
  while IFS= read -r name; do
    case $name in
    OPENCLAW_* | OTEL_* | *_API_KEY | COMPOSE_FILE | COMPOSE_PROJECT_NAME | CONTAINER_ENGINE | HOME | DOCKER_HOST) input "env:$name" "${!name}" ;;
    esac
  done < <(compgen -e)
  # The socket of a Docker context.
  if [ -z "${DOCKER_HOST:-}" ]; then input env:DOCKER_HOST "$(mountable_socket)"; fi
  input_file file:.env "$root/.env"
  for name in "${overrides[@]}" docker-compose.extra.yml docker-compose.sandbox.yml; do
    if [ -f "$root/$name" ]; then input "present:$name" yes; fi
  done
  if [ -t 0 ] && [ -t 1 ]; then input terminal yes; fi
}
