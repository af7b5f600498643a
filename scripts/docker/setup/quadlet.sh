# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016 # setup.sh declares what the parts share; Podman reads the templates
#
# Writes a unit of systemd that runs the gateway in Podman. Podman's generator reads it: podman-systemd.unit(5).

quadlet_unit() { printf 'openclaw-gateway-%s' "$project_name"; }

quadlet_folder() {
  if [ -n "$user_namespace" ]; then printf '%s' "${XDG_CONFIG_HOME:-$HOME/.config}/containers/systemd"; else printf /etc/containers/systemd; fi
}

write_quadlet() {
  local folder config container name systemctl unit='' unit_environment='' hint='set it up with Podman first: CONTAINER_ENGINE=podman scripts/docker/setup.sh'
  [ "$container_engine" = podman ] || refuse option --quadlet 'needs Podman, but Docker runs this installation' "$hint"
  container=$(gateway_container --all | first_line)
  [ -n "$container" ] || refuse option --quadlet 'needs a gateway that has run' "$hint"
  # The labels of its container may be of former settings, and Compose would create it again for its next command.
  ! is_of_systemd "$container" ||
    refuse option --quadlet 'needs a gateway that Compose runs, but systemd runs it' 'run scripts/docker/setup.sh first, which takes it over'
  case $decider in
  host | toolchain) ;;
  # systemd runs what the unit says, with the rights of this user.
  *) refuse PATH node 'was not found, and no image may decide what systemd runs' 'install Node.js 22.18 or newer' ;;
  esac
  folder=$(quadlet_folder)
  config=$(unset_given && cd "$root" && docker compose --project-name "$project_name" config --format json openclaw-gateway) ||
    fail 'The unit was not written' 'Compose did not accept its files. Its message is above.' 'correct the file, and run this again'
  input compose "$config"
  input image "$(podman container inspect --format '{{.ImageName}}' "$container")"
  name=$(podman container inspect --format '{{.Name}}' "$container")
  input container "$name"
  input environment_file "$root/.env.quadlet"
  # With the labels of Compose, setup, doctor and ClawDock find the container, and Compose does not create it again.
  while IFS= read -r name; do
    input "label:$name" "$(podman container inspect --format "{{index .Config.Labels \"$name\"}}" "$container")"
  done < <(inspect_containers '{{range $name, $_ := .Config.Labels}}{{println $name}}{{end}}' "$container" | grep -xE 'com\.docker\.compose\.[a-z._-]+')
  decide quadlet
  take unit unit_environment
  (umask 022 && mkdir -p -- "$folder") || fail "$folder cannot be created" 'The error is above.' 'create it, and run this again'
  write_file "$root/.env.quadlet" "$unit_environment"
  write_file "$folder/$(quadlet_unit).container" "$unit"
  systemctl=$(systemctl_command)
  cat <<TEXT

systemd can run the gateway now, instead of Compose:

  start       $systemctl daemon-reload && $systemctl restart $(quadlet_unit)
  log         podman logs --follow $(podman container inspect --format '{{.Name}}' "$container")
  back        scripts/docker/setup.sh
TEXT
  if [ -n "$user_namespace" ]; then printf '  at boot     sudo loginctl enable-linger %s\n' "$(id -un)"; fi
}

# Whether systemd runs a gateway: its container is removed when it stops.
is_of_systemd() { # CONTAINER
  [ "$container_engine" = podman ] && [ "$(docker container inspect --format '{{.HostConfig.AutoRemove}}' "$1" 2>/dev/null)" = true ]
}

# Stops a gateway. systemd would start one again that had to be killed, while its state is copied.
stop_container() { # CONTAINER
  if is_of_systemd "$1"; then
    $(systemctl_command) stop "$(quadlet_unit)" >/dev/null 2>&1 || true
    docker container inspect "$1" >/dev/null 2>&1 || return 0
  fi
  docker stop "$1" >/dev/null
}

# Compose is about to run the gateway. The unit would start a second one, with its former settings, at the next boot. And its container is
# removed when it stops, which Compose does not expect. So stop it, and remove the unit.
take_over_from_systemd() {
  local container unit
  if [ "$container_engine" != podman ]; then return 0; fi
  unit=$(quadlet_folder)/$(quadlet_unit).container
  if [ ! -f "$unit" ]; then return 0; fi
  container=$(gateway_container)
  if [ -n "$container" ] && is_of_systemd "$container"; then
    wait_until_started "$container"
    stop_container "$container"
  fi
  rm -f -- "$unit" "$root/.env.quadlet" || fail "$unit cannot be removed" 'It would start the gateway with its former settings.' "remove it: rm $unit"
  $(systemctl_command) daemon-reload >/dev/null 2>&1 || true
  note 'Compose runs the gateway instead of systemd; to write the unit again: scripts/docker/setup.sh --quadlet'
}
