# shellcheck shell=bash
# ClawDock: short commands for the gateway in Docker. For bash and zsh; clawdock-help lists them.
#
#   source scripts/clawdock/clawdock-helpers.sh
#
# It works from wherever it is sourced, also as a copy in ~/.clawdock: the folder of docker-compose.yml is looked for once and
# remembered in ~/.clawdock/config.

# Where this file is. zsh says it in its own way, which bash cannot even read.
if [ -n "${ZSH_VERSION:-}" ]; then
  # shellcheck disable=SC2016
  eval '_clawdock_self=${(%):-%x}'
else
  _clawdock_self=${BASH_SOURCE[0]}
fi
_clawdock_self=$(CDPATH='' cd -- "$(dirname -- "$_clawdock_self")" && pwd -P)

_clawdock_say() { printf 'clawdock: %s\n' "$*" >&2; }

_clawdock_is_project() { [ -n "$1" ] && grep -qs 'openclaw-gateway:' "$1/docker-compose.yml"; }

_clawdock_remember() {
  mkdir -p "$HOME/.clawdock" && printf '%s\n' "$1" >"$HOME/.clawdock/config.$$" && mv -f "$HOME/.clawdock/config.$$" "$HOME/.clawdock/config"
}

# Folders to look in, best first: this file's checkout, the one that we stand in, those of containers, where people put them.
_clawdock_candidates() {
  (CDPATH='' cd -- "$_clawdock_self/../.." 2>/dev/null && pwd -P)
  (while [ "$PWD" != / ]; do
    pwd -P
    cd .. || exit
  done)
  docker ps --all --filter label=com.docker.compose.service=openclaw-gateway \
    --format '{{.Label "com.docker.compose.project.working_dir"}}' 2>/dev/null
  printf '%s\n' "$HOME/openclaw-image" "$HOME/openclaw" "$HOME"/*/openclaw-image "$HOME"/*/openclaw
}

# Sets _clawdock_dir. CLAWDOCK_DIR is the user's own word, and is not remembered.
_clawdock_find() {
  local remembered='' candidate
  if [ -n "${CLAWDOCK_DIR:-}" ]; then
    if _clawdock_is_project "$CLAWDOCK_DIR"; then
      _clawdock_dir=$CLAWDOCK_DIR
      return
    fi
    _clawdock_say "CLAWDOCK_DIR is $CLAWDOCK_DIR, which has no docker-compose.yml of the gateway"
    return 1
  fi
  if [ -r "$HOME/.clawdock/config" ]; then
    # Older copies wrote CLAWDOCK_DIR="/path".
    remembered=$(sed -e 's/^CLAWDOCK_DIR=//' -e 's/^"\(.*\)"$/\1/' "$HOME/.clawdock/config" | head -n 1)
    if _clawdock_is_project "$remembered"; then
      _clawdock_dir=$remembered
      return
    fi
  fi
  while IFS= read -r candidate; do
    if _clawdock_is_project "$candidate"; then
      _clawdock_remember "$candidate"
      if [ -n "$remembered" ]; then _clawdock_say "$remembered is gone; the project is in $candidate now"; else _clawdock_say "the project is in $candidate (remembered in ~/.clawdock/config)"; fi
      _clawdock_dir=$candidate
      return
    fi
  done <<FOLDERS
$(setopt null_glob 2>/dev/null; _clawdock_candidates)
FOLDERS
  _clawdock_say "the project was not found${remembered:+: it was in $remembered}. Go to its folder and try again, or: export CLAWDOCK_DIR=/path/to/openclaw-image"
  return 1
}

# What .env says of a name: _clawdock_env NAME DEFAULT
_clawdock_env() {
  local value
  value=$(sed -n "s/^$1=//p" "$_clawdock_dir/.env" 2>/dev/null | tail -n 1 | tr -d '\r' | sed -e "s/^'\(.*\)'\$/\1/" -e 's/^"\(.*\)"$/\1/')
  printf '%s' "${value:-$2}"
}

# Compose with the files of this stack, in a subshell in its folder. Without COMPOSE_FILE in .env: those that exist.
_clawdock_compose() {
  _clawdock_find || return
  (
    cd "$_clawdock_dir" || exit
    COMPOSE_PATH_SEPARATOR=:
    COMPOSE_FILE=$(_clawdock_env COMPOSE_FILE '')
    if [ -z "$COMPOSE_FILE" ]; then
      COMPOSE_FILE=docker-compose.yml
      for file in docker-compose.override.yml docker-compose.extra.yml docker-compose.sandbox.yml; do
        if [ -f "$file" ]; then COMPOSE_FILE=$COMPOSE_FILE:$file; fi
      done
    fi
    export COMPOSE_FILE COMPOSE_PATH_SEPARATOR
    exec docker compose "$@"
  )
}

# A pseudo-terminal only where there is a terminal.
_clawdock_cli() {
  if [ -t 0 ] && [ -t 1 ]; then _clawdock_compose run --rm openclaw-cli "$@"; else _clawdock_compose run --rm -T openclaw-cli "$@"; fi
}
_clawdock_exec() {
  if [ -t 0 ] && [ -t 1 ]; then _clawdock_compose exec openclaw-gateway "$@"; else _clawdock_compose exec -T openclaw-gateway "$@"; fi
}

clawdock-start() { _clawdock_compose up --detach openclaw-gateway; }
clawdock-stop() { _clawdock_compose down; }
# Made anew, so that a changed .env counts.
clawdock-restart() { _clawdock_compose up --detach --force-recreate openclaw-gateway; }
clawdock-status() { _clawdock_compose ps --all "$@"; }
clawdock-logs() { _clawdock_compose logs --follow "$@" openclaw-gateway; }
clawdock-shell() { _clawdock_exec bash; }
clawdock-exec() { _clawdock_exec "$@"; }
clawdock-cli() { _clawdock_cli "$@"; }
clawdock-devices() { _clawdock_cli devices list "$@"; }

clawdock-approve() {
  if [ $# -eq 0 ]; then
    _clawdock_say 'which request? clawdock-devices lists them; then: clawdock-approve REQUEST'
    return 2
  fi
  _clawdock_cli devices approve "$@"
}

clawdock-health() {
  _clawdock_compose exec -T openclaw-gateway node -e '
    Promise.all(["healthz", "readyz"].map(async (path) => {
      const answer = await fetch("http://127.0.0.1:18789/" + path).catch((error) => error);
      console.log(path.padEnd(8), answer.status ?? "no answer", answer.text ? (await answer.text()).trim() : "");
      return answer.ok;
    })).then((all) => process.exit(all.every(Boolean) ? 0 : 1))' && _clawdock_exec node dist/index.js gateway health
}

clawdock-token() {
  _clawdock_find || return
  _clawdock_env OPENCLAW_GATEWAY_TOKEN '' | grep . || {
    _clawdock_say "there is no token in $_clawdock_dir/.env: run scripts/docker/setup.sh"
    return 1
  }
}

# The gateway names its own port; a browser on this host needs the published one.
clawdock-dashboard() {
  local url
  _clawdock_find || return
  url=$(_clawdock_compose run --rm -T openclaw-cli dashboard --no-open 2>/dev/null | sed -n 's/^Dashboard URL: *//p' | tr -d '\r' | head -n 1)
  url=$(printf '%s' "${url:-http://127.0.0.1:18789/}" | sed "s/:18789/:$(_clawdock_env OPENCLAW_GATEWAY_PORT 18789)/")
  printf '%s\n' "$url"
  if [ -t 1 ]; then
    _clawdock_say 'it asks for the token: clawdock-token prints it'
    if command -v open >/dev/null 2>&1; then open "$url"; elif command -v xdg-open >/dev/null 2>&1; then xdg-open "$url"; fi
  fi
}

# A token of the configuration's own would refuse the one in .env: it refers to .env instead.
clawdock-fix-token() {
  _clawdock_find || return
  clawdock-token >/dev/null || return
  local written=0
  # One that runs takes over what is written as soon as it is there, and hears no signal while it does.
  _clawdock_compose stop openclaw-gateway || return
  _clawdock_compose run --rm --no-deps -T --entrypoint node openclaw-gateway dist/index.js config set --batch-json \
    '[{"path":"gateway.auth.mode","value":"token"},{"path":"gateway.auth.token","ref":{"source":"env","provider":"default","id":"OPENCLAW_GATEWAY_TOKEN"}}]' || written=$?
  clawdock-start || return
  if [ "$written" -eq 0 ]; then _clawdock_say 'the token is the one in .env now'; else return "$written"; fi
}

clawdock-update() { _clawdock_find && (cd "$_clawdock_dir" && scripts/docker/setup.sh "$@"); }

# By setup, which knows with what the image is built.
clawdock-rebuild() {
  _clawdock_find || return
  if [ "$(_clawdock_env OPENCLAW_IMAGE openclaw:local)" != openclaw:local ]; then
    _clawdock_say "the image is $(_clawdock_env OPENCLAW_IMAGE ''), which is pulled and not built: clawdock-update"
    return 2
  fi
  clawdock-update "$@"
}

clawdock-clean() {
  local answer volumes
  _clawdock_find || return
  # By the names that Docker knows them by.
  volumes=$(_clawdock_compose config 2>/dev/null | sed -n '/^volumes:/,/^[a-z]/s/^    name: //p')
  {
    printf 'This removes:\n  the containers and the network of the project in %s\n' "$_clawdock_dir"
    if [ -n "$volumes" ]; then printf '%s\n' "$volumes" | sed 's/.*/  the volume & with all that is in it: it cannot be had back/'; fi
    printf 'It keeps:\n  %s (configuration and state)\n  %s (workspace)\n  .env with the token, and the image\n' \
      "$(_clawdock_env OPENCLAW_CONFIG_DIR "$HOME/.openclaw")" "$(_clawdock_env OPENCLAW_WORKSPACE_DIR "$HOME/.openclaw/workspace")"
    printf 'Go on? [y/N] '
  } >&2
  IFS= read -r answer || answer=''
  case $answer in
  y | Y | yes) _clawdock_compose down --volumes ;;
  *)
    _clawdock_say 'nothing was removed'
    return 1
    ;;
  esac
}

clawdock-cd() { _clawdock_find && cd "$_clawdock_dir" || return; }
clawdock-config() { _clawdock_find && cd "$(_clawdock_env OPENCLAW_CONFIG_DIR "$HOME/.openclaw")" || return; }
clawdock-workspace() { _clawdock_find && cd "$(_clawdock_env OPENCLAW_WORKSPACE_DIR "$HOME/.openclaw/workspace")" || return; }

# .env and openclaw.json without secrets: build/stack/masked.ts decides, in a container of the image.
clawdock-show-config() {
  local name shown
  _clawdock_find || return
  {
    printf 'file:.env\0'
    cat "$_clawdock_dir/.env" 2>/dev/null
    printf '\0'
  } | docker run --rm --interactive --network none --user 0:0 --cap-drop ALL --cap-add DAC_OVERRIDE --read-only \
    --volume "$_clawdock_dir/build:/openclaw-image:ro" \
    --volume "$(_clawdock_env OPENCLAW_CONFIG_DIR "$HOME/.openclaw"):/configuration:ro" \
    --entrypoint sh "$(_clawdock_env OPENCLAW_IMAGE openclaw:local)" -c '
      { cat; printf "file:openclaw.json\0"; cat /configuration/openclaw.json 2>/dev/null; printf "\0"; } |
        node --experimental-strip-types --disable-warning=ExperimentalWarning /openclaw-image/setup.ts show-config' |
    while IFS= read -r -d '' name && IFS= read -r -d '' shown; do
      case $name in shown | problems) printf '%s' "$shown" ;; esac
    done
}

clawdock-help() {
  cat <<'TEXT'
clawdock-start          start the gateway
clawdock-stop           stop it; your data stays
clawdock-restart        start it anew, with .env as it is now
clawdock-status         what runs
clawdock-logs           follow the log; --tail 50 for its end
clawdock-health         live, ready, and what the gateway says of itself

clawdock-cli ARGS       the command line of OpenClaw: clawdock-cli channels login
clawdock-shell          a shell in the gateway's container
clawdock-exec COMMAND   a command in it

clawdock-dashboard      address of the Control UI, opened where there is a browser
clawdock-token          the token it asks for
clawdock-devices        devices that ask to be let in
clawdock-approve ID     let one in
clawdock-fix-token      make the configuration use the token of .env

clawdock-update         pull or build the newest image and start it: scripts/docker/setup.sh
clawdock-rebuild        build openclaw:local and start it
clawdock-clean          remove containers, network and home volume; asks first

clawdock-show-config    .env and openclaw.json, secrets masked
clawdock-cd             go to the project; clawdock-config, clawdock-workspace to its data
clawdock-help           this text
TEXT
}

# ---- completion of what follows a command ----------------------------------------------------------------------------

_clawdock_words() { # COMMAND: what may follow it
  case $1 in
  clawdock-cli) echo 'agent agents approvals backup browser channels chat completion config configure cron dashboard devices doctor gateway health hooks logs mcp memory message models nodes onboard pairing plugins qr reset sandbox secrets security sessions skills status system tasks tui update webhooks' ;;
  clawdock-logs) echo '--tail --since --until --timestamps --no-log-prefix' ;;
  clawdock-status) echo '--all --format --quiet' ;;
  clawdock-devices) echo '--json' ;;
  clawdock-update) echo '--offline --help' ;;
  clawdock-exec) echo 'node openclaw bash env ps' ;;
  esac
}

if [ -n "${ZSH_VERSION:-}" ]; then
  # shellcheck disable=SC2296,SC2034,SC2086
  _clawdock_complete() { compadd -- ${(z)"$(_clawdock_words "${words[1]}")"}; } 2>/dev/null
  if ! type compdef >/dev/null 2>&1 && [[ -o interactive ]]; then autoload -Uz compinit && compinit -u; fi
  if type compdef >/dev/null 2>&1; then
    compdef _clawdock_complete clawdock-cli clawdock-logs clawdock-status clawdock-devices clawdock-update clawdock-exec
  fi
else
  _clawdock_complete() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$(_clawdock_words "$1")" -- "$2")
  }
  complete -F _clawdock_complete clawdock-cli clawdock-logs clawdock-status clawdock-devices clawdock-update clawdock-exec
fi
