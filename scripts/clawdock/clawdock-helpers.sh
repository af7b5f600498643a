# shellcheck shell=bash
# ClawDock: short commands for the gateway in Docker or Podman. For bash and zsh; clawdock-help lists them.
#
#   source scripts/clawdock/clawdock-helpers.sh
#
# The file can be sourced from any folder, also from a copy in ~/.clawdock. The first command searches for the folder with
# docker-compose.yml, and stores it in ~/.clawdock/config.

# The folder of this file. bash cannot parse zsh's expression for it.
if [ -n "${ZSH_VERSION:-}" ]; then
  # shellcheck disable=SC2016
  eval '_clawdock_self=${(%):-%x}'
else
  _clawdock_self=${BASH_SOURCE[0]}
fi
_clawdock_self=$(CDPATH='' cd -- "$(dirname -- "$_clawdock_self")" && pwd -P)

_clawdock_say() { printf 'clawdock: %s\n' "$*" >&2; }

_clawdock_is_project() { [ -n "$1" ] && grep -qs 'openclaw-gateway:' "$1/docker-compose.yml"; }

# Commands of a project run as this user, so a folder that was only found, and its Compose files, must belong to this user or to root.
_clawdock_is_trusted() { # FOLDER
  [ "$1" != "$(CDPATH='' cd -- "$_clawdock_self/../.." 2>/dev/null && pwd -P)" ] || return 0
  local own_group=0 strange others
  # A group may have other members. One that is named like its user has none: Debian and Fedora make one for each user.
  if [ "$(id -gn)" = "$(id -un)" ]; then own_group=$(id -g); fi
  others=(\( -perm -0002 -o ! \( -user "$(id -u)" -o -user 0 \) -o -perm -0020 ! -group "$own_group" ! -group 0 \))
  # Follows links: Compose reads the files to which they lead.
  strange=$(find -H "$1" -maxdepth 0 "${others[@]}" 2>&1; find -L "$1" -mindepth 1 -maxdepth 1 \( -name '*compose*.y*ml' -o -name '.[en]*' -o -name 'p*' -o -name scripts -o -name build -o -name dockerfiles -o -name node_modules \) "${others[@]}" 2>&1; find -L "$1/scripts" "$1/build" "$1/dockerfiles" "${others[@]}" ! -type l 2>/dev/null)
  [ -z "$strange" ] || { _clawdock_say "skipped $1: ${strange%%$'\n'*} belongs to another user, or others can change it. If you trust it: export CLAWDOCK_DIR=$1" && return 1; }
}

_clawdock_remember() {
  mkdir -p "$HOME/.clawdock" && printf '%s\n' "$1" >"$HOME/.clawdock/config.$$" && mv -f "$HOME/.clawdock/config.$$" "$HOME/.clawdock/config"
}

# Folders to search, the most likely first: this file's checkout, the current folder, those of containers, common places.
_clawdock_candidates() {
  (CDPATH='' cd -- "$_clawdock_self/../.." 2>/dev/null && pwd -P)
  (while [ "$PWD" != / ]; do
    pwd -P
    cd .. || exit
  done)
  for engine in docker podman; do
    command "$engine" ps --all --filter label=com.docker.compose.service=openclaw-gateway --format '{{.Label "com.docker.compose.project.working_dir"}}'
  done 2>/dev/null
  printf '%s\n' "$HOME/openclaw-image" "$HOME/openclaw" "$HOME"/*/openclaw-image "$HOME"/*/openclaw
}

# Sets _clawdock_dir. A folder from CLAWDOCK_DIR is not stored.
_clawdock_find() {
  local remembered='' candidate
  if [ -n "${CLAWDOCK_DIR:-}" ]; then
    if _clawdock_is_project "$CLAWDOCK_DIR"; then _clawdock_dir=$CLAWDOCK_DIR && return; fi
    _clawdock_say "CLAWDOCK_DIR: $CLAWDOCK_DIR has no docker-compose.yml of the gateway"
    return 1
  fi
  # This file in a checkout that was set up belongs to it, whatever an earlier shell has stored.
  candidate=$(CDPATH='' cd -- "$_clawdock_self/../.." 2>/dev/null && pwd -P)
  if [ -f "$candidate/.env" ] && _clawdock_is_project "$candidate"; then _clawdock_dir=$candidate && return; fi
  if [ -r "$HOME/.clawdock/config" ]; then
    # Older copies wrote CLAWDOCK_DIR="/path".
    remembered=$(sed -e 's/^CLAWDOCK_DIR=//' -e 's/^"\(.*\)"$/\1/' "$HOME/.clawdock/config" | head -n 1)
    if _clawdock_is_project "$remembered"; then _clawdock_is_trusted "$remembered" && _clawdock_dir=$remembered; return; fi
  fi
  while IFS= read -r candidate; do
    if _clawdock_is_project "$candidate" && _clawdock_is_trusted "$candidate"; then
      _clawdock_remember "$candidate"
      if [ -n "$remembered" ]; then _clawdock_say "$remembered does not exist any more; using the project in $candidate"; else _clawdock_say "using the project in $candidate (stored in ~/.clawdock/config)"; fi
      _clawdock_dir=$candidate && return
    fi
  done <<FOLDERS
$(setopt null_glob 2>/dev/null; _clawdock_candidates)
FOLDERS
  _clawdock_say "the project was not found${remembered:+ (it was in $remembered)}. Change to its folder and try again, or: export CLAWDOCK_DIR=/path/to/openclaw-image"
  return 1
}

# Prints a value of .env as Compose reads it, without quotes, escapes and comments: _clawdock_env NAME DEFAULT
_clawdock_env() {
  local value
  value=$(sed -n -E "s/^("$'\357\273\277'")?[[:blank:]]*(export[[:blank:]]+)?$1[[:blank:]]*[=:][[:blank:]]*//p" "$_clawdock_dir/.env" 2>/dev/null | tail -n 1 | tr -d '\r')
  case $value in
  \'*) value=$(printf '%s' "$value" | sed -E "s/^'(([^'\\\\]|\\\\.)*)'.*/\\1/; s/\\\\'/'/g") ;;
  \"*) value=$(printf '%s' "$value" | sed -E 's/^"(([^"\\]|\\.)*)".*/\1/; s/\\(["\\$])/\1/g') ;;
  *) value=$(printf '%s' "$value" | sed -E 's/ #.*$//; s/[[:blank:]]+$//') ;;
  esac
  printf '%s' "${value:-$2}"
}

# Prints the engine of the project: docker or podman.
_clawdock_engine() {
  local engine
  engine=${CONTAINER_ENGINE:-$(_clawdock_env CONTAINER_ENGINE '')}
  if [ -z "$engine" ] && ! command -v docker >/dev/null 2>&1; then engine=podman; fi
  case $engine in podman) printf podman ;; *) printf docker ;; esac
}

# Refuses an engine on another machine, whose containers cannot mount the folders of this one. OpenClaw's own checkout has no such file.
_clawdock_is_here() (
  if [ "$(_clawdock_engine)" = podman ] || [ ! -f "$_clawdock_dir/scripts/docker/setup/engine-address.sh" ]; then return; fi
  # shellcheck source-path=SCRIPTDIR source=../docker/setup/engine-address.sh
  . "$_clawdock_dir/scripts/docker/setup/engine-address.sh"
  find_engine_host
  is_local_engine || { _clawdock_say "$engine_source: ${engine_host##*@} is an engine on another machine$(context_name). Choose the one of this machine: $(local_engine_command)" && return 1; }
)

# Refuses to act on the containers of another installation that has the same project name.
_clawdock_is_own() {
  local project other files
  # The shell's name may be that of another installation.
  project=$(_clawdock_env COMPOSE_PROJECT_NAME "${COMPOSE_PROJECT_NAME:-}")
  project=${project:-$(basename -- "$_clawdock_dir" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^a-z0-9_-]//g' -e 's/^[_-]*//')}
  other=$("$(_clawdock_engine)" ps --all --filter "label=com.docker.compose.project=$project" \
    --format '{{.Label "com.docker.compose.project.working_dir"}}|{{.Label "com.docker.compose.project.config_files"}}' 2>/dev/null | head -n 1)
  files=$(printf '%s' "${other#*|}" | tr ',' '\n' | while IFS= read -r files; do if [ -f "$files" ]; then printf x; fi; done)
  other=${other%%|*}
  # A folder that has been moved leaves containers with its former path.
  if [ ! -d "$other" ] || [ "$other" -ef "$_clawdock_dir" ] || { [ -z "$files" ] && ! _clawdock_is_project "$other"; }; then return 0; fi
  _clawdock_say "the project name $project belongs to the installation in $other. Choose another one: cd $_clawdock_dir && COMPOSE_PROJECT_NAME=$project-2 scripts/docker/setup.sh"
  return 1
}

# Runs Compose in the project's folder with the files of COMPOSE_FILE in .env, or else the existing ones, and _clawdock_last_file.
_clawdock_compose() {
  _clawdock_find && _clawdock_is_here && _clawdock_is_own || return
  (
    cd "$_clawdock_dir" || exit
    if [ -n "$(_clawdock_env COMPOSE_PROJECT_NAME '')" ]; then unset COMPOSE_PROJECT_NAME; fi
    # shellcheck disable=SC2046 # This shell may have the variables of another installation, and Compose prefers them to .env.
    if [ -f .env ]; then unset _clawdock_none $(env | sed -n -E 's/^((OPENCLAW|OTEL)_[A-Z0-9_]+|PUID|PGID|COMPOSE_DISABLE_ENV_FILE|COMPOSE_ENV_FILES)=.*/\1/p'); fi
    COMPOSE_PATH_SEPARATOR=:
    COMPOSE_FILE=$(_clawdock_env COMPOSE_FILE '')
    if [ -z "$COMPOSE_FILE" ]; then
      COMPOSE_FILE=docker-compose.yml
      # Compose takes the first override.
      for file in compose.override.yml compose.override.yaml docker-compose.override.yml docker-compose.override.yaml; do
        if [ -f "$file" ]; then COMPOSE_FILE=$COMPOSE_FILE:$file && break; fi
      done
      for file in docker-compose.extra.yml docker-compose.sandbox.yml; do
        if [ -f "$file" ]; then COMPOSE_FILE=$COMPOSE_FILE:$file; fi
      done
    fi
    export COMPOSE_PATH_SEPARATOR COMPOSE_FILE="$COMPOSE_FILE${_clawdock_last_file:+:$_clawdock_last_file}"
    if [ "$(_clawdock_engine)" = podman ]; then exec scripts/docker/podman-compose.sh "$@"; else exec docker compose "$@"; fi
  )
}

# Request a pseudo-terminal only if there is a terminal.
_clawdock_cli() {
  if [ -t 0 ] && [ -t 1 ]; then _clawdock_compose run --rm openclaw-cli "$@"; else _clawdock_compose run --rm -T openclaw-cli "$@"; fi
}
_clawdock_exec() {
  if [ -t 0 ] && [ -t 1 ]; then _clawdock_compose exec openclaw-gateway "$@"; else _clawdock_compose exec -T openclaw-gateway "$@"; fi
}

# Waits until a gateway has finished its start: it ignores a signal to stop meanwhile. Older gateways do not have /startupz.
_clawdock_wait_started() {
  _clawdock_find || return 0
  # shellcheck disable=SC2016 # the container expands it
  _clawdock_compose exec -T openclaw-gateway sh -c '
    # With a certificate, the port answers only https.
    for try in $(seq 60); do
      curl -sk -w "%{http_code} " --noproxy "*" -o /dev/null http://127.0.0.1:18789/startupz -o /dev/null https://127.0.0.1:18789/startupz | grep -q 503 || break
      sleep 1
    done' >/dev/null 2>&1 || true
}

clawdock-start() { _clawdock_compose up --detach openclaw-gateway; }
clawdock-stop() { _clawdock_wait_started; _clawdock_compose down; }
# Creates the container again, so that it uses a changed .env.
clawdock-restart() { _clawdock_wait_started; _clawdock_compose up --detach --force-recreate openclaw-gateway; }
clawdock-status() { _clawdock_compose ps --all "$@"; }
clawdock-logs() { _clawdock_compose logs --follow "$@" openclaw-gateway; }
clawdock-shell() { _clawdock_exec bash; }
clawdock-exec() { _clawdock_exec "$@"; }
clawdock-cli() { _clawdock_cli "$@"; }
clawdock-devices() { _clawdock_cli devices list "$@"; }

clawdock-approve() {
  [ $# -gt 0 ] || { _clawdock_say 'the request is missing. clawdock-devices lists requests; then: clawdock-approve REQUEST' && return 2; }
  _clawdock_cli devices approve "$@"
}

clawdock-health() {
  _clawdock_compose exec -T --env NODE_TLS_REJECT_UNAUTHORIZED=0 openclaw-gateway node --no-warnings -e '
    Promise.all(["healthz", "readyz"].map(async (path) => {
      const ask = (scheme) => fetch(scheme + "://127.0.0.1:18789/" + path);
      const answer = await ask("http").catch(() => ask("https")).catch((error) => error);
      console.log(path.padEnd(8), answer.status ?? "no answer", answer.text ? (await answer.text()).trim() : "");
      return answer.ok;
    })).then((all) => process.exit(all.every(Boolean) ? 0 : 1))' && _clawdock_exec node dist/index.js gateway health
}

clawdock-token() {
  local other
  _clawdock_find || return
  other=$(_clawdock_ask credential 2>/dev/null)
  if [ -n "$other" ]; then _clawdock_say "the gateway accepts $other"; fi
  case $other in '' | 'OPENCLAW_GATEWAY_TOKEN in .env'*) ;; *) return 1 ;; esac
  { _clawdock_exec sh -c 'printenv OPENCLAW_GATEWAY_TOKEN || sed -n s/^OPENCLAW_GATEWAY_TOKEN=//p /home/node/.openclaw/.env' 2>/dev/null | grep . || _clawdock_env OPENCLAW_GATEWAY_TOKEN ''; } | grep . || { # a user's Compose file may set it
    _clawdock_say "$_clawdock_dir/.env has no token. Run scripts/docker/setup.sh"
    return 1
  }
}

# The gateway prints its own port. A browser on this host needs the published port.
clawdock-dashboard() {
  local url
  _clawdock_find || return
  url=$(_clawdock_compose run --rm -T openclaw-cli dashboard --no-open 2>/dev/null | sed -n 's/^Dashboard URL: *//p' | tr -d '\r' | head -n 1)
  [ -n "$url" ] || { _clawdock_say 'the gateway printed no address; to see why: clawdock-logs' && return 1; }
  url=$(printf '%s' "$url" | sed -e "s#//[^/:]*:18789#//$(_clawdock_env OPENCLAW_HOST_ADDRESS 127.0.0.1):$(_clawdock_env OPENCLAW_GATEWAY_PORT 18789)#" -e 's#//0\.0\.0\.0:#//127.0.0.1:#; s#//\[::\]:#//[::1]:#')
  printf '%s\n' "$url"
  if [ -t 1 ]; then
    _clawdock_say 'the Control UI asks for a login; clawdock-token prints it'
    if command -v open >/dev/null 2>&1; then open "$url"; elif command -v xdg-open >/dev/null 2>&1; then xdg-open "$url"; fi
  fi
}

# If the configuration has its own token, the gateway refuses the token in .env. So make the configuration refer to .env.
clawdock-fix-token() {
  _clawdock_find || return
  if [ -z "$(_clawdock_env OPENCLAW_GATEWAY_TOKEN '')" ]; then
    _clawdock_say "$_clawdock_dir/.env has no token. Run scripts/docker/setup.sh" && return 1
  fi
  local written=0
  # A running gateway reloads a changed configuration at once, and ignores signals meanwhile. So stop it first.
  _clawdock_wait_started
  _clawdock_compose stop openclaw-gateway || return
  # The gateway writes openclaw.json without its comments, so a file that has some is saved.
  # shellcheck disable=SC2016 # the container expands it
  _clawdock_compose run --rm --no-deps -T --entrypoint sh openclaw-gateway -c '
    file=/home/node/.openclaw/openclaw.json saved=openclaw.json.saved-$(date +%s)
    [ ! -f "$file" ] || node -e "JSON.parse(fs.readFileSync(process.argv[1], \"utf8\"))" "$file" 2>/dev/null ||
      { cp -p "$file" "${file%/*}/$saved" && echo "saved openclaw.json as $saved" >&2; } || exit
    exec node dist/index.js config set --batch-json "$1"' sh \
    '[{"path":"gateway.auth.mode","value":"token"},{"path":"gateway.auth.token","ref":{"source":"env","provider":"default","id":"OPENCLAW_GATEWAY_TOKEN"}}]' || written=$?
  clawdock-start || return
  if [ "$written" -eq 0 ]; then _clawdock_say 'the gateway uses the token in .env now'; else return "$written"; fi
}

clawdock-update() { _clawdock_find && (cd "$_clawdock_dir" && scripts/docker/setup.sh "$@"); }

# Setup builds the image with the options in .env.
clawdock-rebuild() {
  _clawdock_find || return
  [ "$(_clawdock_env OPENCLAW_IMAGE openclaw:local)" = openclaw:local ] || { _clawdock_say "$(_clawdock_env OPENCLAW_IMAGE '') is pulled, not built here. Use clawdock-update" && return 2; }
  clawdock-update "$@"
}

clawdock-clean() {
  local answer volumes
  _clawdock_find || return
  # The names of the volumes in Docker.
  volumes=$(_clawdock_compose config 2>/dev/null | sed -n '/^volumes:/,/^[a-z]/s/^    name: //p')
  {
    printf 'This removes:\n  the containers and the network of the project in %s\n' "$_clawdock_dir"
    if [ -n "$volumes" ]; then printf '%s\n' "$volumes" | sed 's/.*/  the volume & with its contents, permanently/'; fi
    printf 'It keeps:\n  %s (configuration and state)\n  %s (workspace)\n  .env with the token, and the image\n' \
      "$(_clawdock_env OPENCLAW_CONFIG_DIR "$HOME/.openclaw")" "$(_clawdock_env OPENCLAW_WORKSPACE_DIR "$HOME/.openclaw/workspace")"
    printf 'Continue? [y/N] '
  } >&2
  IFS= read -r answer || answer=''
  case $answer in
  y | Y | yes) _clawdock_compose down --volumes ;;
  *) _clawdock_say 'nothing was removed' && return 1 ;;
  esac
}

clawdock-cd() { _clawdock_find && cd "$_clawdock_dir" || return; }
clawdock-config() { _clawdock_find && cd "$(_clawdock_env OPENCLAW_CONFIG_DIR "$HOME/.openclaw")" || return; }
clawdock-workspace() { _clawdock_find && cd "$(_clawdock_env OPENCLAW_WORKSPACE_DIR "$HOME/.openclaw/workspace")" || return; }

# Asks build/setup.ts about .env and openclaw.json, in a container of the image. Prints the answer.
_clawdock_ask() { # QUESTION
  local name shown
  _clawdock_is_here || return
  # shellcheck disable=SC2016 # the container expands it
  { printf 'file:.env\0'; cat "$_clawdock_dir/.env" 2>/dev/null; printf '\0'; } |
    "$(_clawdock_engine)" run --rm --pull never --interactive --network none --security-opt label=disable --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --read-only \
    --volume "$_clawdock_dir/build:/openclaw-image:ro" \
    --volume "$(_clawdock_env OPENCLAW_CONFIG_DIR "$HOME/.openclaw"):/configuration:ro" \
    --entrypoint sh "$(_clawdock_env OPENCLAW_IMAGE openclaw:local)" -c '
      { cat; printf "file:openclaw.json\0"; cat /configuration/openclaw.json 2>/dev/null; printf "\0file:config.env\0"; cat /configuration/.env 2>/dev/null; printf "\0"; } |
        node --experimental-strip-types --disable-warning=ExperimentalWarning /openclaw-image/setup.ts "$1"' sh "$1" |
    while IFS= read -r -d '' name && IFS= read -r -d '' shown; do
      case $1:$name in *:shown | show-config:problems) printf '%s' "$shown" ;; esac
    done
}

# Prints .env and openclaw.json without secrets: build/stack/masked.ts masks them.
clawdock-show-config() { _clawdock_find && _clawdock_ask show-config; }

clawdock-help() {
  cat <<'TEXT'
clawdock-start          start the gateway
clawdock-stop           stop it; your data stays
clawdock-restart        restart it with the current .env
clawdock-status         list the containers
clawdock-logs           follow the log; --tail 50 for the last lines
clawdock-health         check that the gateway is live and ready, and print its own report

clawdock-cli ARGS       run the OpenClaw command line: clawdock-cli channels login
clawdock-shell          open a shell in the gateway's container
clawdock-exec COMMAND   run a command in it

clawdock-dashboard      print the address of the Control UI, and open it in a browser
clawdock-token          print the token for the Control UI
clawdock-devices        list devices that request access
clawdock-approve ID     approve a device
clawdock-fix-token      make the configuration use the token in .env

clawdock-update         pull or build the newest image and start it: scripts/docker/setup.sh; --rollback goes back
clawdock-rebuild        build openclaw:local and start it
clawdock-clean          remove containers, network and home volume, after a confirmation

clawdock-show-config    print .env and openclaw.json with masked secrets
clawdock-cd             change to the project's folder; clawdock-config, clawdock-workspace: to its data
clawdock-help           print this text
TEXT
}

# ---- completion of arguments ------------------------------------------------------------------------------------------

_clawdock_words() { # COMMAND: prints its possible arguments
  case $1 in
  clawdock-cli) echo 'agent agents approvals backup browser channels chat completion config configure cron dashboard devices doctor gateway health hooks logs mcp memory message models nodes onboard pairing plugins qr reset sandbox secrets security sessions skills status system tasks tui update webhooks' ;;
  clawdock-logs) echo '--tail --since --until --timestamps --no-log-prefix' ;;
  clawdock-status) echo '--all --format --quiet' ;;
  clawdock-devices) echo '--json' ;;
  clawdock-update) echo '--offline --rehearse --skip-rehearsal --fix --rollback --help' ;;
  clawdock-exec) echo 'node openclaw bash env ps' ;;
  esac
}

if [ -n "${ZSH_VERSION:-}" ]; then
  # shellcheck disable=SC2296,SC2034,SC2086
  _clawdock_complete() { compadd -- ${(z)"$(_clawdock_words "${words[1]}")"}; } 2>/dev/null
  if ! type compdef >/dev/null 2>&1 && [[ -o interactive ]]; then autoload -Uz compinit && compinit -u; fi
  if type compdef >/dev/null 2>&1; then compdef _clawdock_complete clawdock-cli clawdock-logs clawdock-status clawdock-devices clawdock-update clawdock-exec; fi
else
  _clawdock_complete() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$(_clawdock_words "$1")" -- "$2")
  }
  complete -F _clawdock_complete clawdock-cli clawdock-logs clawdock-status clawdock-devices clawdock-update clawdock-exec
fi
