#!/usr/bin/env bash
# Sets up the gateway in Docker, and starts it. Needs a shell (bash 3.2 or later), Docker and Compose v2; no Node.
#
# What to write is decided in build/setup.ts, by the host's Node or by the one in the image; here it is done. Nothing is
# written before everything was checked and the image is there, and each file is replaced as a whole. The order of the steps is
# here; what each does is in setup/.
# shellcheck source-path=SCRIPTDIR
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
# What is answered, by the names of build/setup.ts.
problems='' image='' built='' config_dir='' workspace_dir='' secret_dir='' sandbox='' socket='' bind='' project_name='' gateway_port='' bridge_port=''
env_file='' token_from='' extra_overlay='' sandbox_overlay='' onboarding='' config_batch=''
sandbox_image='' sandbox_state='' sandbox_failed='' sandbox_reason='' sandbox_way_out=''
# How far this run is: what a run that fails has to put back.
provided='' pulled='' written='' configured='' started='' finished='' was_image='' was_running=''
kept_image=openclaw-setup:before # what runs while another is built or pulled
facts=() # what decisions are made from, and what they are: names and values in turn
answers=()
umask 077

# For a look or a change by another user: ends at once, reaches no network, pulls nothing.
in_container() { docker run --rm --pull never --network none "$@"; }

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

parts=$root/scripts/docker/setup
# shellcheck source=setup/decisions.sh
. "$parts/decisions.sh"
# shellcheck source=setup/files.sh
. "$parts/files.sh"
# shellcheck source=setup/image.sh
. "$parts/image.sh"
# shellcheck source=setup/sandbox.sh
. "$parts/sandbox.sh"
# shellcheck source=setup/gateway.sh
. "$parts/gateway.sh"

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
  refuse docker '' 'is not on PATH' "install Docker: https://docs.docker.com/engine/install; or, on Debian or Ubuntu as root: scripts/engine up && eval \"\$(scripts/engine env)\""
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
directories=("${LIST[@]}")

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
for path in "${directories[@]}"; do
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
elif in_container --user 1000:1000 --volume "$config_dir:/config" --volume "$workspace_dir:/workspace" \
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
  # A gateway that runs takes over what is written as soon as it is there, and hears no signal while it does.
  if [ -n "$was_running" ]; then
    started=yes
    compose stop openclaw-gateway >/dev/null 2>&1 || fail 'The gateway could not be stopped' 'it is to start anew with what is asked for' 'ask: docker compose ps'
  fi
  told=$(in_gateway -T openclaw-gateway dist/index.js config set --batch-json "$config_batch" 2>&1 </dev/null) ||
    fail 'The configuration could not be written' "$told" 'mend openclaw.json, or ask: docker compose run --rm openclaw-cli doctor'
fi

say 'Starting the gateway'
started=yes
told=$(compose up --detach openclaw-gateway 2>&1) || fail 'The gateway could not be started' "$told" 'mend it and run this again'
container=$(compose ps --all --quiet --no-trunc openclaw-gateway)
wait_until_live
finished=yes

if [ -n "$sandbox_failed" ]; then
  printf '\nThe sandbox is OFF, and the gateway runs without the engine: %s.\n  %s\n  -> %s; then run this again\n' \
    "$sandbox_failed" "$sandbox_reason" "$sandbox_way_out" >&2
fi
if [ "$bind" = loopback ]; then
  printf '\nThe gateway runs, and only its own containers reach it (OPENCLAW_GATEWAY_BIND=loopback).\n'
else
  printf '\nThe gateway runs: http://127.0.0.1:%s/\n' "$gateway_port"
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
