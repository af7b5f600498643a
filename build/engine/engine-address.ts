/**
 * Whether an engine runs on this host, so that its containers can mount folders of the host. The same rule in shell:
 * `is_local_engine` in scripts/docker/setup/engine-address.sh.
 *
 * @param address of the engine: `unix:///var/run/docker.sock`, `tcp://localhost:2375`, `ssh://me@example.org`
 */
export function isOnThisHost(address: string): boolean {
  if (/^(?:unix|npipe|fd):\/\//i.test(address)) return true;
  // An address, not a name such as 127.0.0.1.example.org.
  return /^tcp:\/\/(?:localhost|\[::1\]|127\.[\d.]+)(?::\d*)?(?:\/|$)/i.test(address);
}

const COMMANDS: Readonly<Record<string, string>> = {
  DOCKER_HOST: 'unset DOCKER_HOST',
  DOCKER_CONTEXT: 'unset DOCKER_CONTEXT',
  '--engine': 'leave out --engine',
};

/** How people choose the engine of this host. The same in shell: `local_engine_command`. @param source the setting that names the engine now */
export const toLocalEngine = (source: string): string => COMMANDS[source] ?? 'docker context use default';
