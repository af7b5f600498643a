#!/usr/bin/env bash
# Sets up the gateway in Docker, and starts it. Needs a shell (bash 3.2 or later), Docker and Compose v2; no Node.
#
# What to write is decided in build/stack/setup.ts, by the host's Node or by the one in the image; here it is done. Nothing is
# written before everything was checked and the image is there, and each file is replaced as a whole.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/docker/setup.sh [--offline] [--help]

Sets up the OpenClaw Gateway in Docker and starts it. Run it again at any time: it keeps the token, your data, your own keys in
.env and your docker-compose.override.yml, and changes only what you ask for.

  --offline   use the image that is loaded; pull and build nothing
  --help      this text

Variables (all are in the README); what you set is kept in .env, and an empty one takes it back:

  OPENCLAW_IMAGE              image to run, pulled; without it openclaw:local is built
  OPENCLAW_GATEWAY_PORT       port of this host, 18789
  OPENCLAW_GATEWAY_BIND       lan (whoever reaches the port) or loopback (the containers alone)
  OPENCLAW_CONFIG_DIR         configuration and state, ~/.openclaw
  OPENCLAW_EXTRA_MOUNTS       /folder/here:/folder/there[:ro], separated by commas
  OPENCLAW_HOME_VOLUME        volume that keeps all of /home/node
  OPENCLAW_SANDBOX=1          run tools of agents in containers of their own
  OPENCLAW_SKIP_ONBOARDING=1  ask nothing; a provider's key (ANTHROPIC_API_KEY, OPENAI_API_KEY ...) does the same

  OPENCLAW_IMAGE=ghcr.io/openclaw/openclaw:latest scripts/docker/setup.sh
  OPENCLAW_SKIP_ONBOARDING=1 OPENCLAW_GATEWAY_PORT=28789 scripts/docker/setup.sh
TEXT
}

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
offline=''
# What is answered, by the names of build/stack/setup.ts.
problems='' image='' built='' config_dir='' workspace_dir='' secret_dir='' sandbox='' socket='' bind='' project_name='' gateway_port='' bridge_port=''
env_file='' token_from='' extra_overlay='' sandbox_overlay='' onboarding='' config_batch=''
sandbox_image='' sandbox_state='' sandbox_failed='' sandbox_reason='' sandbox_way_out=''
kept_image=openclaw-setup:before # what runs while another is built or pulled
facts=() # what decisions are made from, and what they are: names and values in turn
answers=()
umask 077

say() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
refuse() { # SOURCE VALUE REASON WAY-OUT
  printf 'Nothing was started: one thing is wrong with the request.\n  %s %s\n    %s\n    -> %s\n' "$@" >&2
  exit 2
}
fail() { # TITLE REASON WAY-OUT
  printf '%s\n  %s\n  -> %s\n' "$@" >&2
  exit 1
}

# ---- questions to build/stack/setup.ts -------------------------------------------------------------------------------

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
      say "Pulling $image"
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
    docker run --rm --pull never --network none --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --volume "$folder:/from:ro" \
      --entrypoint sh "$image" -c 'if [ -f "/from/$1" ]; then cat "/from/$1" && printf x; fi' sh "$(basename -- "$1")"
  fi
}

# Facts go in on stdin, so that no secret is an argument; what comes out ends with `end`.
decide() { # QUESTION
  printf '%s\0' "${facts[@]}" | case $decider in
  host) node --disable-warning=ExperimentalWarning "$root/build/stack/setup.ts" "$1" ;;
  toolchain) "$root/scripts/with-toolchain" node "$root/build/stack/setup.ts" "$1" ;;
  *)
    docker run --rm --pull never --interactive --network none --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --read-only \
      --volume "$root/build:/openclaw-image:ro" --entrypoint node "$decider" \
      --experimental-strip-types --disable-warning=ExperimentalWarning /openclaw-image/stack/setup.ts "$1"
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

# ---- files -----------------------------------------------------------------------------------------------------------

# As a whole or not at all, mode 600; nothing where it says so already.
write_file() { # PATH CONTENT
  local path=$1 content=$2 partial
  if [ -f "$path" ] && [ "$(cat -- "$path" && printf x)" = "${content}x" ]; then
    chmod 600 "$path"
    return 0
  fi
  partial=$(mktemp "$path.setup.XXXXXX")
  printf '%s' "$content" >"$partial"
  mv -f -- "$partial" "$path"
  note "wrote ${path#"$root/"}"
}

remove_file() {
  if [ -f "$1" ]; then rm -f -- "$1" && note "removed ${1#"$root/"}"; fi
}

# .env names the overlays: it is written when they are there, and they go when it names them no longer.
write_stack() { # ENV EXTRA SANDBOX; empty: there is no such file
  if [ -n "$2" ]; then write_file "$root/docker-compose.extra.yml" "$2"; fi
  if [ -n "$3" ]; then write_file "$root/docker-compose.sandbox.yml" "$3"; fi
  if [ -n "$1" ]; then write_file "$root/.env" "$1"; else remove_file "$root/.env"; fi
  if [ -z "$2" ]; then remove_file "$root/docker-compose.extra.yml"; fi
  if [ -z "$3" ]; then remove_file "$root/docker-compose.sandbox.yml"; fi
}

# ---- image -----------------------------------------------------------------------------------------------------------

pull() {
  docker pull "$1" || {
    local way_out='check its name and your login (docker login), or the network'
    if has_image "$1"; then way_out='it is loaded: to run it as it is, use --offline'; fi
    fail "$1 could not be pulled" 'what the engine said is above' "$way_out"
  }
}

# With Node by our own builder; else the same Dockerfile with plain Docker.
build_image() (
  for pair in ${build_variables[@]+"${build_variables[@]}"}; do export "${pair?}"; done
  if [ -n "$sandbox" ]; then export OPENCLAW_INSTALL_DOCKER_CLI=1; fi
  unset OPENCLAW_VARIANT # would change the name
  if node_is_new_enough || command -v npm >/dev/null 2>&1; then
    cd "$root"
    exec scripts/run build --tag openclaw:local
  fi
  [ -z "${OPENCLAW_EXTENSIONS:-}" ] ||
    refuse OPENCLAW_EXTENSIONS "$OPENCLAW_EXTENSIONS" 'is resolved with Node, and this host has none' 'install Node.js 20 with npm, or leave it out'
  args=()
  for name in OPENCLAW_IMAGE_APT_PACKAGES OPENCLAW_DOCKER_APT_PACKAGES OPENCLAW_IMAGE_PIP_PACKAGES OPENCLAW_INSTALL_BROWSER OPENCLAW_INSTALL_DOCKER_CLI; do
    if [ -n "${!name:-}" ]; then args+=(--build-arg "$name"); fi
  done
  exec docker build ${args[@]+"${args[@]}"} --tag openclaw:local --file "$root/dockerfiles/package.Dockerfile" "$root/dockerfiles"
)

provide_image() {
  [ -z "${provided:-}" ] || return 0
  provided=yes
  if [ -n "$offline" ]; then
    has_image "$image" || refuse OPENCLAW_IMAGE "$image" 'is not loaded, and --offline pulls nothing' 'load it first: docker load -i FILE'
    say "Using $image as it is loaded"
  elif [ -n "$built" ]; then
    say "Building $image"
    build_image || fail "$image was not built" 'what happened is above; nothing was changed' 'mend it and run this again'
  else
    say "Pulling $image"
    pull "$image"
  fi
}

# ---- sandbox ---------------------------------------------------------------------------------------------------------

in_image() { # not by --volume, which would make a folder of what is not there
  docker run --rm --pull never --network none --mount "type=bind,\"source=$socket\",target=/var/run/docker.sock" "$@"
}

sandbox_facts() {
  say 'Looking for what the sandbox needs'
  local group=''
  fact sandbox yes
  fact sandbox:socket "$socket"
  # Seen from within: a desktop's engine has paths and groups of its own.
  group=$(in_image --user 0:0 --entrypoint sh "$image" -c 'test -S /var/run/docker.sock && stat -L -c %g /var/run/docker.sock' 2>/dev/null) || group=''
  if [ -n "$group" ]; then
    fact sandbox:is-socket yes
    fact sandbox:group "$group"
  fi
  if docker run --rm --network none --entrypoint docker "$image" --version >/dev/null 2>&1; then
    fact sandbox:has-cli yes
    if [ -n "$group" ] && in_image --user 1000:1000 --group-add "$group" --entrypoint docker "$image" version >/dev/null 2>&1; then
      fact sandbox:answers yes
    fi
  fi
  ask sandbox-image
  take sandbox_image
  if ! has_image "$sandbox_image" && [ -z "$offline" ] && [ "$sandbox_image" = openclaw-sandbox:bookworm-slim ]; then
    say "Building $sandbox_image"
    if command -v npm >/dev/null 2>&1; then
      "$root/scripts/sandbox-setup.sh" || true
    else
      docker build --target sandbox --tag "$sandbox_image" --file "$root/dockerfiles/sandbox.Dockerfile" "$root/dockerfiles/sandbox" || true
    fi
  fi
  if has_image "$sandbox_image"; then fact sandbox:has-image yes; fi
}

# ---- the stack -------------------------------------------------------------------------------------------------------

compose() { (cd "$root" && docker compose "${compose_files[@]}" "$@"); }
in_gateway() { compose run --rm --no-deps --entrypoint node "$@"; }

# The data is the gateway's, uid 1000. Of the workspace only the folder itself: what is in there is the user's.
give_to_gateway() {
  docker run --rm --network none --user 0:0 --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER \
    --volume "$config_dir:/setup/config" --volume "$workspace_dir:/setup/workspace" --volume "$secret_dir:/setup/secret" \
    --pull never --entrypoint sh "$image" -c '
      set -eu
      umask 022
      mkdir -p /setup/config/identity /setup/config/agents/main/agent /setup/config/agents/main/sessions
      for folder in config secret; do
        find "/setup/$folder" -xdev -samefile /setup/workspace -prune -o \
          \( ! -uid 1000 -o ! -gid 1000 \) -exec chown -h 1000:1000 {} + -print
      done >/tmp/given
      find /setup/workspace -maxdepth 0 ! -uid 1000 -exec chown -h 1000:1000 {} + -print >>/tmp/given
      wc -l </tmp/given'
}

# Whoever answers on a port that we are to publish, and is not the gateway of this project.
check_port() { # NAME PORT
  (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null || return 0
  local holder
  holder=$(docker ps --filter "publish=$2" --format '{{.Names}} {{.Label "com.docker.compose.project"}}' 2>/dev/null | head -n 1)
  case $holder in *" $project_name") return 0 ;; esac
  refuse "$1" "$2" "is in use${holder:+ by the container ${holder%% *}}" "stop what uses it, or choose another: $1=$((10#$2 + 10000 > 65535 ? 28789 : 10#$2 + 10000))"
}

# Whether /healthz says yes on the port of this host. Docker asks in the container, and not as often.
is_live() {
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$gateway_port" || return 1
  printf 'GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
  IFS= read -r -t 5 line <&3 || return 1
  case $line in 'HTTP/1.'?' 200'*) return 0 ;; esac
  return 1
}

wait_until_live() {
  local state waited=0
  while :; do
    if [ "$bind" != loopback ] && (is_live) 2>/dev/null; then return 0; fi
    state=$(docker container inspect --format '{{.State.Status}} {{.RestartCount}} {{with .State.Health}}{{.Status}}{{end}}' "$container" 2>/dev/null) || state='gone 0 '
    case $state in
    *' healthy') return 0 ;;
    'running 0 '*) ;;
    *) break ;;
    esac
    [ "$waited" -lt 1200 ] || break
    waited=$((waited + 1))
    sleep 0.25
  done
  compose logs --no-log-prefix --tail 20 openclaw-gateway >&2 || true
  fail 'The gateway does not answer' "its container is: $state; its last lines are above" 'ask: docker compose logs openclaw-gateway'
}

# As the gateway's, who owns it.
restore_config() {
  printf '%s' "${before_config%x}" | docker run --rm --interactive --network none --user 1000:1000 --volume "$config_dir:/setup" \
    --entrypoint sh "$image" -c 'umask 077 && cat >/setup/openclaw.json.setup && mv -f /setup/openclaw.json.setup /setup/openclaw.json' &&
    note 'wrote openclaw.json' >&2
}

restore() {
  local status=$?
  set +e # as much as can be
  if [ "$status" -ne 0 ] && [ -n "${written:-}" ] && [ -z "${finished:-}" ]; then put_back; fi
  if [ -n "${was_image:-}" ]; then docker image rm "$kept_image" >/dev/null 2>&1; fi
}

put_back() {
  if [ -z "$before_env" ]; then # there was nothing: what is written is good, and the token is in it
    if [ -n "${started:-}" ]; then compose rm --stop --force openclaw-gateway >/dev/null 2>&1; fi
    return
  fi
  printf '\nPutting back what was there before.\n' >&2
  if [ -n "$was_image" ]; then docker tag "$kept_image" "$was_image"; fi
  write_stack "${before_env%x}" "${before_extra%x}" "${before_sandbox%x}" >&2
  if [ -n "${configured:-}" ] && [ -n "$before_config" ]; then restore_config; fi
  if [ -n "${started:-}" ]; then
    if [ -n "$was_running" ]; then
      (cd "$root" && docker compose up --detach openclaw-gateway) >&2
    else
      (cd "$root" && docker compose rm --stop --force openclaw-gateway) >&2
    fi
  fi
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- from here on, in order ------------------------------------------------------------------------------------------

while [ $# -gt 0 ]; do
  case $1 in
  --offline) offline=yes ;;
  -h | --help)
    usage
    exit 0
    ;;
  *) refuse "$1" '' 'is no option of setup' 'scripts/docker/setup.sh --help lists them' ;;
  esac
  shift
done

case ${DOCKER_HOST:-} in
ssh://* | tcp://*)
  case $DOCKER_HOST in
  tcp://localhost* | tcp://127.0.0.1* | 'tcp://[::1]'*) ;;
  *) refuse DOCKER_HOST "${DOCKER_HOST##*@}" 'is an engine on another machine, whose containers do not see the folders of this one' 'run setup there' ;;
  esac
  ;;
esac
command -v docker >/dev/null 2>&1 ||
  refuse docker '' 'is not on PATH' 'install Docker: https://docs.docker.com/engine/install; or, on Debian or Ubuntu as root: scripts/engine up'
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
  refuse "DOCKER_HOST" "${DOCKER_HOST:-(not set)}" "no engine answers: $(docker version 2>&1 | tail -n 1)" 'start Docker, or point DOCKER_HOST at an engine that runs'
compose_version=$(docker compose version --short 2>/dev/null | sed 's/^v//') || compose_version=''
case $compose_version in
2.[0-9].* | 2.1[0-9].* | 2.2[0-3].* | 1.* | '')
  refuse 'docker compose' "${compose_version:-(none)}" 'Compose 2.24 or newer is needed' 'install it: https://docs.docker.com/compose/install'
  ;;
esac

# Left over from a run that was killed; they hold the token.
rm -f -- "$root"/.env.setup.?????? "$root"/docker-compose.extra.yml.setup.?????? "$root"/docker-compose.sandbox.yml.setup.??????

gather_facts
choose_node
ask check
take image built config_dir workspace_dir secret_dir sandbox socket bind project_name gateway_port bridge_port
answer_list must_exist
for path in ${LIST[@]+"${LIST[@]}"}; do
  [ -e "$path" ] || refuse OPENCLAW_EXTRA_MOUNTS "$path" 'does not exist on this host' 'make it, or leave it out'
done
check_port OPENCLAW_GATEWAY_PORT "$gateway_port"
check_port OPENCLAW_BRIDGE_PORT "$bridge_port"
answer_list export # what .env keeps counts for the build too
build_variables=(${LIST[@]+"${LIST[@]}"})
# Where only a container can read the configuration, the image comes first.
if [ -d "$config_dir" ] && [ ! -x "$config_dir" ] && ! has_image "$image"; then provide_image; fi
fact config_path "$config_dir/openclaw.json"
fact_file file:openclaw.json "$config_dir/openclaw.json"
physical OPENCLAW_CONFIG_DIR "$config_dir"
physical OPENCLAW_WORKSPACE_DIR "$workspace_dir"
physical OPENCLAW_AUTH_PROFILE_SECRET_DIR "$secret_dir"
physical HOME "${HOME:-/tmp}"
ask plan

# What runs now, and what its image is called: a build or a pull may give that name to another.
was_running=$(docker ps --quiet --no-trunc --filter "label=com.docker.compose.project=$project_name" \
  --filter label=com.docker.compose.service=openclaw-gateway --filter label=com.docker.compose.oneoff=False)
was_image=''
if [ -n "$was_running" ]; then
  was_image=$(docker container inspect --format '{{.Config.Image}}' "$was_running")
  # A name of its own keeps it: an image that loses its last one goes, whatever runs from it.
  docker tag "$(docker container inspect --format '{{.Image}}' "$was_running")" "$kept_image" 2>/dev/null || was_image=''
fi
provide_image
if [ -n "$sandbox" ]; then
  sandbox_facts
  ask plan
fi
take env_file token_from extra_overlay sandbox_overlay sandbox_state sandbox_failed sandbox_reason sandbox_way_out onboarding
answer_list compose_file
compose_files=()
for path in "${LIST[@]}"; do compose_files+=(--file "$path"); done
answer_list onboard_arg
onboard_args=(${LIST[@]+"${LIST[@]}"})
answer_list directory

# What a run that was killed has left at work would write to the same files: one-off containers of the gateway's are setup's alone.
docker ps --all --quiet --filter "label=com.docker.compose.project=$project_name" \
  --filter label=com.docker.compose.service=openclaw-gateway --filter label=com.docker.compose.oneoff=True |
  while IFS= read -r path; do docker rm --force "$path" >/dev/null; done

say 'Writing what Compose reads'
# What was given is in .env now: a later `docker compose` of the user's sees the same.
while IFS= read -r name; do
  case $name in OPENCLAW_* | OTEL_* | *_API_KEY | COMPOSE_FILE | COMPOSE_PROJECT_NAME) unset "$name" ;; esac
done < <(compgen -e)
before_env=$(content_of "$root/.env")
before_config=$(content_of "$config_dir/openclaw.json")
before_extra=$(content_of "$root/docker-compose.extra.yml")
before_sandbox=$(content_of "$root/docker-compose.sandbox.yml")
for path in "${LIST[@]}"; do
  # Those within the configuration may be the gateway's already; the container makes what the host could not.
  (if [ "$path" != "$secret_dir" ]; then umask 022; fi && mkdir -p -- "$path" 2>/dev/null) || [ "$path" != "${path#"$config_dir/"}" ] ||
    fail "$path could not be made" "this user ($(id -un)) may not write there" 'make it, or set its variable to a folder of yours'
done
written=yes
write_stack "$env_file" "$extra_overlay" "$sandbox_overlay"
case $token_from in
'') note 'made a new token: OPENCLAW_GATEWAY_TOKEN in .env' ;;
*) note "the token is the one of $token_from" ;;
esac

say 'Giving the data to the user of the gateway, uid 1000'
if given=$(give_to_gateway); then
  note "$((given)) files and folders were someone else's"
elif docker run --rm --pull never --network none --user 1000:1000 --volume "$config_dir:/config" --volume "$workspace_dir:/workspace" \
  --volume "$secret_dir:/secret" --entrypoint sh "$image" -c 'test -w /config && test -w /workspace && test -w /secret'; then
  note 'they stay as they are: this file system has no owners, and the gateway may write to them'
else
  fail 'The data folders could not be given to uid 1000' 'what happened is above' "as root: chown -R 1000:1000 '$config_dir' '$secret_dir'"
fi

case $onboarding in
skipped) say 'Onboarding is skipped (OPENCLAW_SKIP_ONBOARDING)' ;;
done) say 'Onboarding was done before; again: docker compose run --rm openclaw-cli onboard' ;;
headless)
  say 'Onboarding with the key that is given'
  in_gateway -T openclaw-gateway dist/index.js "${onboard_args[@]}" </dev/null ||
    fail 'Onboarding failed' 'what it said is above' 'mend it and run this again, or skip it: OPENCLAW_SKIP_ONBOARDING=1'
  ;;
asks)
  say 'Onboarding'
  in_gateway openclaw-gateway dist/index.js "${onboard_args[@]}" ||
    fail 'Onboarding did not end' 'what it said is above' 'run this again, or skip it: OPENCLAW_SKIP_ONBOARDING=1'
  ;;
esac

gather_facts
fact config_path "$config_dir/openclaw.json"
fact_file file:openclaw.json "$config_dir/openclaw.json"
fact sandbox_state "$sandbox_state"
ask configure
take config_batch
if [ -n "$config_batch" ]; then
  say 'Configuring the gateway'
  configured=yes
  told=$(in_gateway -T openclaw-gateway dist/index.js config set --batch-json "$config_batch" 2>&1 </dev/null) ||
    fail 'The configuration could not be written' "$told" 'mend openclaw.json, or ask: docker compose run --rm openclaw-cli doctor'
fi

say 'Starting the gateway'
started=yes
told=$(compose up --detach openclaw-gateway 2>&1) || fail 'The gateway could not be started' "$told" 'mend it and run this again'
container=$(compose ps --quiet --no-trunc openclaw-gateway)
# What was written reaches a gateway that was not started anew by starting it anew.
if [ -n "$config_batch" ] && [ "$container" = "$was_running" ]; then compose restart openclaw-gateway >/dev/null 2>&1; fi
wait_until_live
finished=yes

if [ -n "$sandbox_failed" ]; then
  printf '
The sandbox is OFF, and the gateway runs without the engine: %s.
  %s
  -> %s; then run this again
' \
    "$sandbox_failed" "$sandbox_reason" "$sandbox_way_out" >&2
fi
if [ "$bind" = loopback ]; then
  printf '
The gateway runs, and only its own containers reach it (OPENCLAW_GATEWAY_BIND=loopback).
'
else
  printf '
The gateway runs: http://127.0.0.1:%s/
' "$gateway_port"
fi
cat <<TEXT

  token       OPENCLAW_GATEWAY_TOKEN in $root/.env; paste it into the Control UI's settings
  dashboard   docker compose run --rm openclaw-cli dashboard --no-open
  channels    docker compose run --rm openclaw-cli channels login
              docker compose run --rm openclaw-cli channels add --channel telegram --token "<token>"
  devices     docker compose run --rm openclaw-cli devices list
  logs        docker compose logs --follow openclaw-gateway
  shortcuts   source $root/scripts/clawdock/clawdock-helpers.sh && clawdock-help
TEXT
