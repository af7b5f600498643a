#!/usr/bin/env bash
# Sets up the gateway in Docker, and starts it. Needs a shell (bash 3.2 or later), Docker or Podman, and Compose v2; no Node.
#
# build/setup.ts decides what to write. It runs in the host's Node, or in the Node of the image. This script applies the decisions. It
# writes nothing until all checks pass and the image exists, and it replaces each file atomically. The order of the steps is in this
# file; the steps themselves are in setup/.
# shellcheck source-path=SCRIPTDIR
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # `sh setup.sh`
set +o posix # on macOS, sh is bash
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/docker/setup.sh [--offline] [--rehearse | --skip-rehearsal] [--fix] [--rollback [NUMBER]] [--quadlet] [--help]

Sets up the OpenClaw Gateway in Docker and starts it. Run it again at any time: it keeps the token, your data, your own keys in
.env and your docker-compose.override.yml, and changes only the settings that you give.

An update to another image is first rehearsed on a copy of the state. Then the state is saved as a snapshot. If the update fails, image,
files and state are restored.

  --offline            use the image that the engine has; do not pull or build
  --rehearse           only rehearse the update; change nothing
  --skip-rehearsal     update without a rehearsal
  --fix                let the new gateway repair the state before it starts: openclaw doctor --fix
  --rollback [NUMBER]  go back to the image, the files and the state before the last update, or to the snapshot of that number
  --quadlet            with Podman: write a unit of systemd that runs the gateway as it is set up
  --help               print this text

Variables (docs/setup.md lists all). Setup keeps each value in .env. An empty value removes it:

  OPENCLAW_IMAGE              image to pull and run (default: build openclaw:local)
  OPENCLAW_GATEWAY_PORT       port on this host (default: 18789)
  OPENCLAW_GATEWAY_BIND       lan (anyone who can reach the host port and has the token) or loopback (only its own containers)
  OPENCLAW_CONFIG_DIR         folder for configuration and state (default: ~/.openclaw)
  OPENCLAW_EXTRA_MOUNTS       more mounts: /folder/on/host:/folder/in/container[:ro], separated by commas
  OPENCLAW_UID, OPENCLAW_GID  user and group of the gateway, which the data is given to (default: 1000; also PUID, PGID)
  OPENCLAW_HOME_VOLUME        volume for all of /home/node
  OPENCLAW_SANDBOX=1          run the tools of agents in separate containers
  OPENCLAW_SKIP_ONBOARDING=1  ask no questions; an API key (ANTHROPIC_API_KEY, OPENAI_API_KEY ...) has the same effect

  OPENCLAW_IMAGE=ghcr.io/openclaw/openclaw:latest scripts/docker/setup.sh
  OPENCLAW_SKIP_ONBOARDING=1 OPENCLAW_GATEWAY_PORT=28789 scripts/docker/setup.sh
TEXT
}

# Prints the file that a path leads to through symbolic links, whether or not it exists.
link_target() { # PATH
  local path=$1 target links=0
  while [ -h "$path" ]; do
    links=$((links + 1))
    # Links that lead to each other never end. Linux follows 40.
    [ "$links" -le 40 ] || return 1
    target=$(readlink -- "$path") || return
    case $target in /*) path=$target ;; *) path=$(dirname -- "$path")/$target ;; esac
  done
  printf '%s' "$path"
}

self=$(link_target "${BASH_SOURCE[0]}")
root=$(CDPATH='' cd -- "$(dirname -- "$self")/../.." && pwd -P)
offline='' label='' # label: of the folders that setup mounts, for SELinux
# Decisions of build/setup.ts, by the names that it prints.
problems='' image='' built='' config_dir='' workspace_dir='' secret_dir='' sandbox='' socket='' bind='' project_name='' gateway_port='' bridge_port='' uid='' gid='' host_address='' selinux_label='' snapshot_dir='' snapshots=''
env_file='' token_from='' credential='' plain_token='' scheme='' extra_overlay='' sandbox_overlay='' onboarding='' config_batch='' relaxed=''
sandbox_image='' sandbox_state='' sandbox_failed='' sandbox_reason='' sandbox_hint=''
# Progress of this run. If a step fails, `restore` reads it.
provided='' pulled='' written='' configured='' started='' finished='' was_image='' was_running=''
published='' override_token='' override_password='' # ports; whether the user's Compose files set a login
planned_files=() # arguments for Compose: the files of the stack, before they are written
rehearsal='' repair='' rollback='' quadlet='' updating='' given_options=("$@") recovered=${SETUP_RECOVERED:-} providing=''
# Names that setup gives: to the image that decides, to the running one, to the new one until the state is saved. next_image: its present one.
decider_image='' kept_image='' is_kept='' waiting_image='' is_held='' next_image=''
provided_id='' # of the image that this run put under the name of the running one
before_env='' before_config='' before_link='' before_extra='' before_sandbox='' before_uid='' before_gid='' before_port='' lock=$root/.setup.lock locked=''
inputs=() answers=() # of build/setup.ts: names and values alternate
overrides=(compose.override.yml compose.override.yaml docker-compose.override.yml docker-compose.override.yaml) # that Compose finds by default
# A service may have no HOME. In /tmp, anybody could have made the folders.
HOME=$(. "$root/scripts/folders.sh" && printf '%s' "$HOME") && export HOME
umask 077

# Runs a short command as another user, without network and without pulling an image. With SELinux, it may read files without a label
# for containers.
in_container() {
  local namespace=$user_namespace
  # An undone setup runs as the former user again.
  if [ -n "$namespace" ] && [ -n "$uid" ]; then namespace=keep-id:uid=$uid,gid=$gid; fi
  docker run --rm --pull never --network none ${namespace:+--userns "$namespace"} --security-opt label=disable --label "$HELPER_LABEL=$project_name" "$@"
}

say() { printf '==> %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
# Passes text on without terminal sequences: a container may have written it.
plain_text() { LC_ALL=C tr -d '\000-\010\013-\037\177'; }
# The same format as build/report/failure-report.ts.
refuse() { # SOURCE VALUE REASON HINT
  printf 'Nothing was started: the request has a problem.\n  %s: "%s" %s\n    Hint: %s\n' "$@" | plain_text >&2
  exit 2
}
fail() { # TITLE REASON HINT
  printf '%s\n  %s\n  Hint: %s\n' "$@" | plain_text >&2
  exit 1
}

parts=$root/scripts/docker/setup
# shellcheck source=setup/decisions.sh
. "$parts/decisions.sh"
# shellcheck source=setup/variables.sh
. "$parts/variables.sh"
# shellcheck source=setup/dot-env.sh
. "$parts/dot-env.sh"
# shellcheck source=setup/answers.sh
. "$parts/answers.sh"
# shellcheck source=setup/engine.sh
. "$parts/engine.sh"
# shellcheck source=setup/installation.sh
. "$parts/installation.sh"
# shellcheck source=setup/files.sh
. "$parts/files.sh"
# shellcheck source=setup/image.sh
. "$parts/image.sh"
# shellcheck source=setup/sandbox.sh
. "$parts/sandbox.sh"
# shellcheck source=setup/gateway.sh
. "$parts/gateway.sh"
# shellcheck source=setup/snapshots.sh
. "$parts/snapshots.sh"
# shellcheck source=setup/rehearsal.sh
. "$parts/rehearsal.sh"
# shellcheck source=setup/update.sh
. "$parts/update.sh"
# shellcheck source=setup/quadlet.sh
. "$parts/quadlet.sh"
# shellcheck source=setup/closing.sh
. "$parts/closing.sh"

trap restore EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the steps, in order ---------------------------------------------------------------------------------------------

while [ $# -gt 0 ]; do
  case $1 in
  --offline) offline=yes ;;
  --rehearse) rehearsal=only ;;
  --skip-rehearsal) rehearsal=none ;;
  --fix) repair=yes ;;
  --quadlet) quadlet=yes ;;
  --rollback=*) rollback=${1#*=} ;;
  --rollback)
    rollback=last
    case ${2:-} in '' | *[!0-9]*) ;; *) rollback=$2 && shift ;; esac
    ;;
  -h | --help)
    usage
    exit 0
    ;;
  *) refuse option "$1" 'does not exist' 'scripts/docker/setup.sh --help lists all options' ;;
  esac
  shift
done
case $rollback in
'') case " ${given_options[*]-} " in *' --rollback= '*) refuse option --rollback= 'has no number' 'scripts/docker/setup.sh --rollback goes back to the last update' ;; esac ;;
*) [ -z "$rehearsal$repair$quadlet" ] || refuse option --rollback 'cannot be combined with another option of an update' 'scripts/docker/setup.sh --help explains them' ;;
esac
[ -z "$quadlet" ] || [ -z "$rehearsal$repair" ] || refuse option --quadlet 'cannot be combined with an option of an update' 'scripts/docker/setup.sh --help explains them'

# Images for NAS systems use PUID and PGID. Of two given variables, OPENCLAW_UID and OPENCLAW_GID have priority.
if [ -z "${OPENCLAW_UID:-}" ] && [ -n "${PUID:-}" ]; then export OPENCLAW_UID=$PUID; fi
if [ -z "${OPENCLAW_GID:-}" ] && [ -n "${PGID:-}" ]; then export OPENCLAW_GID=$PGID; fi

refuse_unreadable_dot_env
choose_engine
take_lock
# A killed run leaves these files, which contain the token.
rm -f -- "$root"/.env.setup.?????? "$root"/.env.quadlet.setup.?????? "$(link_target "$root/.env")".setup.?????? "$root"/docker-compose.extra.yml.setup.?????? "$root"/docker-compose.sandbox.yml.setup.??????

case ${OPENCLAW_SOURCE:-} in '' | /*) ;; *) export OPENCLAW_SOURCE=$PWD/$OPENCLAW_SOURCE ;; esac
require_builder
gather_inputs
choose_node
decide check
take image built config_dir workspace_dir secret_dir sandbox socket bind project_name gateway_port bridge_port uid gid host_address selinux_label snapshot_dir snapshots
label=${selinux_label:+:$selinux_label}
refuse_other_engine
refuse_other_installations
kept_image=openclaw-setup:before-$project_name next_image=$image waiting_image=openclaw-setup:next-$project_name
if [ "$container_engine" = podman ]; then waiting_image=localhost/$waiting_image; fi # for Compose
recover_update
find_installed_image
if [ -n "$pulled$recovered" ]; then hold_next_image; fi # the image may be there already
if [ -n "$rollback" ]; then
  roll_back
  exit 0
fi
if [ -n "$quadlet" ]; then
  write_quadlet
  exit 0
fi
find_home_volume
refuse_file_as_folder OPENCLAW_CONFIG_DIR "$config_dir"
refuse_file_as_folder OPENCLAW_WORKSPACE_DIR "$workspace_dir"
refuse_file_as_folder OPENCLAW_AUTH_PROFILE_SECRET_DIR "$secret_dir"
refuse_link_out_of_config
answer_list must_exist
for path in ${LIST[@]+"${LIST[@]}"}; do
  [ -e "$path" ] || refuse OPENCLAW_EXTRA_MOUNTS "$path" 'does not exist on this host' 'create it, or leave the mount out'
done
answer_list export # values in .env apply to the build too
build_variables=(${LIST[@]+"${LIST[@]}"})
# If only a container can read the configuration, the image must exist first.
if [ -d "$config_dir" ] && [ ! -x "$config_dir" ] && ! has_image "$image"; then provide_image; fi
input_configuration
physical OPENCLAW_CONFIG_DIR "$config_dir"
physical OPENCLAW_WORKSPACE_DIR "$workspace_dir"
physical OPENCLAW_AUTH_PROFILE_SECRET_DIR "$secret_dir"
physical OPENCLAW_SNAPSHOT_DIR "$snapshot_dir"
physical HOME "$HOME"
decide plan
take env_file extra_overlay
answer_list compose_file
check_compose "${LIST[@]}"
check_port OPENCLAW_GATEWAY_PORT "$gateway_port"
check_port OPENCLAW_BRIDGE_PORT "$bridge_port"

providing=yes
provide_image
if [ -n "$was_image" ] && [ -z "$provided_id" ]; then provided_id=$(image_id "$was_image"); fi
remember_files
if [ -n "$before_env$before_config" ]; then next_version=$(image_version "$next_image"); fi
if [ -n "$sandbox" ]; then inspect_sandbox; fi
if [ -n "$sandbox$unsigned$override_password" ]; then input override_password "$override_password" && decide plan; fi
take relaxed env_file token_from plain_token credential scheme extra_overlay sandbox_overlay sandbox_state sandbox_failed sandbox_reason sandbox_hint onboarding
credential_of_override
answer_list compose_file
compose_files=()
for path in "${LIST[@]}"; do compose_files+=(--file "$path"); done
answer_list onboard_arg
onboard_args=(${LIST[@]+"${LIST[@]}"})
answer_list directory
directories=("${LIST[@]}")

# Removes one-off containers of a killed run, which would write to the same files. Only setup starts one-off gateway containers.
[ -z "$before_env" ] || docker ps --all --quiet --filter "label=com.docker.compose.project=$project_name" \
  --filter label=com.docker.compose.service=openclaw-gateway --filter label=com.docker.compose.oneoff=True |
  while IFS= read -r path; do docker rm --force "$path" >/dev/null; done

if [ "$rehearsal" = only ] && [ -z "$before_config" ]; then refuse option --rehearse 'needs an installation that has run' 'set it up first: scripts/docker/setup.sh'; fi
if is_update || { [ -n "$before_config$installed_id" ] && { [ -n "$repair" ] || [ "$rehearsal" = only ]; }; }; then
  if [ "$rehearsal" != none ]; then rehearse; fi
  if [ "$rehearsal" != only ]; then updating=yes; fi
fi
if [ "$rehearsal" = only ]; then
  printf '\nThe rehearsal passed, and nothing was changed. To update: %sscripts/docker/setup.sh%s\n' "$(name_command)" "${offline:+ --offline}"
  exit 0
fi

if [ -z "$updating" ]; then name_next_image; fi
refuse_other_installations # one that was set up while this run made its image
say 'Writing the files of Compose'
unset_given
written=yes
if [ -n "$updating" ]; then begin_snapshot "$(if is_update; then printf update; else printf repair; fi)"; fi
for path in "${directories[@]}"; do make_folder "$path"; done
seal_overlays
write_stack "$env_file" "$extra_overlay" "$sandbox_overlay"
case ${credential:+other}$token_from in
other*) note "the gateway accepts $credential" ;;
'') note 'created a token: OPENCLAW_GATEWAY_TOKEN in .env' ;;
*) note "the token comes from $token_from" ;;
esac

if [ -n "$updating" ]; then
  say "Updating the gateway $(versions_text)"
  stop_gateway 'Its state is to be saved.'
  started=yes
  save_state
  name_next_image
# A gateway that runs as another user could not write to its data any more.
elif [ "$uid:$gid" != "$before_uid:$before_gid" ]; then
  stop_gateway 'Its data is to belong to another user.'
fi

say "Changing the owner of the data to the user of the gateway, uid $uid"
if changed=$(give_to_gateway 2>"$lock/problem"); then
  note "$(digits "$changed") files and folders had another owner"
elif gateway_can_write; then
  note 'not changed: this file system has no owners, and the gateway can write to the folders'
else
  fail "The owner of the data folders could not be changed to uid $uid" "$(owner_problem)" "$(writing_hint "$config_dir" "$(owner_problem)" "as root: chown -R $(owner_on_host) '$config_dir' '$secret_dir'")"
fi

if [ -n "$updating" ] && [ -n "$repair" ]; then repair_state; fi

case $onboarding in
skipped) say 'Skipping onboarding (OPENCLAW_SKIP_ONBOARDING)' ;;
other-login) say "Skipping onboarding, which would replace the login in openclaw.json; to run it: $compose_command run --rm openclaw-cli onboard" ;;
done) say "Onboarding was completed earlier; to repeat it: $compose_command run --rm openclaw-cli onboard" ;;
headless)
  keep_comments
  say 'Onboarding with the given API key'
  in_gateway -T openclaw-gateway dist/index.js "${onboard_args[@]}" </dev/null ||
    fail 'Onboarding failed' 'Its output is above.' 'fix the problem and run setup again, or skip onboarding: OPENCLAW_SKIP_ONBOARDING=1'
  ;;
asks)
  keep_comments
  say 'Onboarding'
  in_gateway openclaw-gateway dist/index.js "${onboard_args[@]}" ||
    fail 'Onboarding was not completed' 'Its output is above.' 'run setup again, or skip onboarding: OPENCLAW_SKIP_ONBOARDING=1'
  ;;
esac

gather_inputs
input_configuration
input sandbox_state "$sandbox_state"
input former:.env "${before_env%x}"
input former:port "$before_port"
if [ "$token_from" = OPENCLAW_GATEWAY_TOKEN ]; then input token_given yes; fi
decide configure
take config_batch relaxed credential scheme
credential_of_override
if [ -n "$config_batch" ]; then
  say 'Configuring the gateway'
  keep_comments
  configured=yes
  # A running gateway reloads a changed configuration at once, and ignores signals meanwhile. So stop it first.
  if [ -n "$was_running" ]; then
    started=yes
    wait_until_started "$was_running"
    compose stop openclaw-gateway >/dev/null 2>&1 || fail 'The gateway could not be stopped' 'It must restart with the new configuration.' "look at its state: $compose_command ps"
  fi
  output=$(in_gateway -T openclaw-gateway dist/index.js config set --batch-json "$config_batch" 2>&1 </dev/null) ||
    fail 'The configuration could not be written' "$output" "$(gateway_command_hint "$output")"
fi
keep_link

say 'Starting the gateway'
started=yes
take_over_from_systemd
output=$(compose up --detach openclaw-gateway 2>&1) || fail 'The gateway could not be started' "$output$(log_of_folders "$output")" 'fix the problem and run setup again'
container=$(gateway_container --all)
wait_until_healthy "$container" is_live_on_host || fail_of_gateway
wait_until_started "$container"
finish_update
if [ -n "$updating" ]; then
  note "stopped for $((SECONDS - ${stopped_at:-$SECONDS})) s; to go back to ${installed_version:-the former version}, with its state: scripts/docker/setup.sh --rollback"
fi
print_closing
