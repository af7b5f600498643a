# shellcheck shell=bash
# shellcheck disable=SC2154 # setup.sh declares what the parts share
#
# The last lines of setup: where the gateway answers, and the next commands.

print_closing() {
  if [ -n "$sandbox_failed" ]; then
    printf '\nThe sandbox is OFF, and the gateway cannot use the engine. The check "%s" failed.\n  %s\n  Hint: %s; then run setup again\n' \
      "$sandbox_failed" "$sandbox_reason" "$sandbox_hint" >&2
  fi
  if [ "$bind" = loopback ]; then
    printf '\nThe gateway is running. Only its own containers can connect (OPENCLAW_GATEWAY_BIND=loopback).\n'
  elif ! is_published; then
    printf '\nThe gateway is running. Your Compose files publish no port %s of this host: connect the way they provide, such as through your proxy.\n' "$gateway_port"
  elif answers_here; then
    printf '\nThe gateway is running: %s://%s:%s/\n' "$scheme" "$host_address" "$gateway_port"
    if [ "$scheme" = https ] && ! command -v curl >/dev/null; then
      printf '    This host has no curl, so setup could only connect, and did not read an answer.\n'
    fi
  else
    local hint="check OPENCLAW_GATEWAY_BIND ($bind) and the ports in your Compose files"
    if [ "$bind" = tailnet ]; then
      hint="it answers on its address in your tailnet only (OPENCLAW_GATEWAY_BIND=tailnet); to see the address: $compose_command logs openclaw-gateway"
    fi
    printf '\nThe gateway is running, but %s://%s:%s/ does not answer on this host.\n    Hint: %s\n' \
      "$scheme" "$host_address" "$gateway_port" "$hint"
  fi
  local dashboard login
  dashboard="$compose_command run --rm openclaw-cli dashboard --no-open"
  # The command prints the address inside the container.
  if [ "$host_address:$gateway_port" != 127.0.0.1:18789 ]; then dashboard+=" | sed 's#//[^/:]*:18789#//$host_address:$gateway_port#'"; fi
  login="token       ${credential:-OPENCLAW_GATEWAY_TOKEN in $root/.env}; paste it into the Control UI's settings"
  case $credential in 'no token: '*) login="login       ${credential#no token: }" ;; esac
  if [ "$PWD" != "$root" ]; then login+=$'\n'"  folder      cd $(printf %q "$root") before the commands below"; fi
  cat <<TEXT

  $login
  dashboard   $dashboard
  channels    $compose_command run --rm openclaw-cli channels login
              $compose_command run --rm openclaw-cli channels add --channel telegram --token "<token>"
  devices     $compose_command run --rm openclaw-cli devices list
  logs        $compose_command logs --follow openclaw-gateway
  shortcuts   source $(printf %q "$root/scripts/clawdock/clawdock-helpers.sh") && clawdock-help
TEXT
}
