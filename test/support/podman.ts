import { readdir } from 'node:fs/promises';
import { homedir, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';

/** Whether the tests of the stack run on this host's Podman: test/e2e/podman-stack.test.ts starts them there. */
export const onPodman = (): boolean => inject('engine').docker === 'podman';

/** Compose for files only, without an engine: the program and its first arguments. */
export const composeProgram = (): readonly [string, ...string[]] =>
  onPodman() ? ['docker-compose'] : [inject('engine').docker, 'compose'];

/** Programs that setup needs on a host with Podman, besides those that it needs with Docker. */
export const PODMAN_COMMANDS = ['podman', 'docker-compose', 'newuidmap', 'newgidmap', 'setsid'];

/** The folders of this user's Podman. An installation has another home, in which Podman would find no image. */
export function podmanVariables(): Readonly<Record<string, string>> {
  const { XDG_RUNTIME_DIR, XDG_DATA_HOME = join(homedir(), '.local/share') } = process.env;
  return {
    XDG_DATA_HOME,
    PODMAN_IGNORE_CGROUPSV1_WARNING: '1',
    ...(XDG_RUNTIME_DIR === undefined ? {} : { XDG_RUNTIME_DIR }),
  };
}

/**
 * Lists what setup wrote in a home.
 *
 * @returns names; without the folders of a Podman that is not root
 */
export async function writtenIn(home: string): Promise<readonly string[]> {
  const ofPodman = onPodman() ? ['.cache', '.config'] : [];
  return (await readdir(home)).filter((name) => !ofPodman.includes(name));
}

/** An address of this host besides 127.0.0.1. */
export const otherAddress = (): string =>
  Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '';
