# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # setup.sh declares what the parts share; lines for containers expand there
#
# What to write is decided in build/setup.ts: facts go in, answers come out.

node_is_new_enough() { # type stripping without a flag since 22.18
  command -v node >/dev/null 2>&1 &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 18) ? 0 : 1)' 2>/dev/null
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Where decisions are made: the host's Node, the image that is to run, or the toolchain that builds it.
choose_node() {
  local image=${OPENCLAW_IMAGE:-}
  if node_is_new_enough; then
    decider=host
    return 0
  fi
  [ -n "$image" ] || image=$(kept OPENCLAW_IMAGE)
  [ -n "$image" ] || image=openclaw:local
  if ! has_image "$image"; then
    if [ -n "$offline" ]; then
      refuse OPENCLAW_IMAGE "$image" 'is not loaded, and --offline pulls nothing' 'load it first: docker load -i FILE'
    elif [ "$image" != openclaw:local ]; then
      pull "$image"
    elif command -v npm >/dev/null 2>&1; then
      decider=toolchain
      return 0
    else
      image=openclaw-setup:base # the image's parent, which the build needs anyway
      docker build --quiet --tag "$image" - <"$root/dockerfiles/base.Dockerfile" >/dev/null ||
        fail 'The base image could not be pulled' 'its registry does not answer (above)' 'load an image and run this with --offline'
    fi
  fi
  decider=$image
}

# The last line of .env that sets a key, roughly: only to find an image to ask with.
kept() { if [ -f "$root/.env" ]; then sed -n "s/^$1=//p" "$root/.env" | tail -n 1 | tr -d "\r'\""; fi; }

fact() { facts+=("$1" "$2"); }
fact_file() { # NAME PATH
  local content
  content=$(content_of "$2") || fail "$2 could not be read" 'what happened is above' 'run this as its owner'
  if [ -n "$content" ]; then fact "$1" "${content%x}"; fi
}

# With an x at its end, which keeps line ends that a shell would drop; nothing where there is no such file. The gateway's
# files are its own, uid 1000's: whoever else runs this looks through a container.
content_of() {
  local folder
  folder=$(dirname -- "$1")
  if [ -r "$1" ]; then
    cat -- "$1" && printf x
  elif [ -e "$1" ] || { [ -d "$folder" ] && [ ! -x "$folder" ]; }; then
    in_container --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --volume "$folder:/from:ro" \
      --entrypoint sh "$image" -c 'if [ -f "/from/$1" ]; then cat "/from/$1" && printf x; fi' sh "$(basename -- "$1")"
  fi
}

# Facts go in on stdin, so that no secret is an argument; what comes out ends with `end`.
decide() { # QUESTION
  printf '%s\0' "${facts[@]}" | case $decider in
  host) node --disable-warning=ExperimentalWarning "$root/build/setup.ts" "$1" ;;
  toolchain) "$root/scripts/with-toolchain" node "$root/build/setup.ts" "$1" ;;
  *)
    in_container --interactive --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --read-only \
      --volume "$root/build:/openclaw-image:ro" --entrypoint node "$decider" \
      --experimental-strip-types --disable-warning=ExperimentalWarning /openclaw-image/setup.ts "$1"
    ;;
  esac
}

ask() { # QUESTION
  local part
  answers=()
  while IFS= read -r -d '' part; do answers+=("$part"); done < <(decide "$1")
  [ "${answers[${#answers[@]} > 1 ? ${#answers[@]} - 2 : 0]:-}" = end ] ||
    fail 'The request could not be checked' "what happened is above; it was asked of: $decider" \
      'install Node.js 24, or use an image whose Node is 22.18 or newer'
  take problems
  [ -z "$problems" ] || { printf '%s\n' "$problems" >&2; exit 2; }
}

take() { # NAME ...: into the variable of that name, which ends as the answer ends
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

answer_list() { # NAME: all of that name, into LIST
  local index
  LIST=()
  for ((index = 0; index < ${#answers[@]}; index += 2)); do
    if [ "${answers[index]}" = "$1" ]; then LIST+=("${answers[index + 1]}"); fi
  done
}

physical() { # NAME PATH: where it is, where links lead there
  local there
  there=$(CDPATH='' cd -- "$2" 2>/dev/null && pwd -P) || return 0
  if [ "$there" != "$2" ]; then fact "physical:$1" "$there"; fi
}

gather_facts() {
  facts=()
  fact project "$root"
  local name
  while IFS= read -r name; do
    case $name in
    OPENCLAW_* | OTEL_* | *_API_KEY | COMPOSE_PROJECT_NAME | HOME | DOCKER_HOST) fact "env:$name" "${!name}" ;;
    esac
  done < <(compgen -e)
  fact_file file:.env "$root/.env"
  for name in docker-compose.override.yml docker-compose.extra.yml docker-compose.sandbox.yml; do
    if [ -f "$root/$name" ]; then fact "present:$name" yes; fi
  done
  if [ -t 0 ] && [ -t 1 ]; then fact terminal yes; fi
}
