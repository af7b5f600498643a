import { posix } from 'node:path';
import { field } from './field.ts';

const SANDBOX_IMAGE = 'openclaw-sandbox:bookworm-slim';

/** The state of the sandbox's prerequisites. */
export interface SandboxProbe {
  /** Path of the engine's socket on the host. */
  readonly socket: string;
  readonly isSocket: boolean;
  /** The socket's group as the container sees it; undefined if it could not be read. */
  readonly group: number | undefined;
  /** Whether the image has the `docker` command. */
  readonly hasCli: boolean;
  /** Whether that command reached the engine through the socket, as the gateway's user with that group. */
  readonly answers: boolean;
  /** The sandbox image in the configuration, and whether the engine has it. */
  readonly image: string;
  readonly hasImage: boolean;
}

/** Whether the socket is mounted: only if all prerequisites hold. */
export type SandboxDecision =
  | { readonly mounted: true; readonly socket: string; readonly group: number }
  | { readonly mounted: false; readonly failed: string; readonly reason: string; readonly hint: string };

interface Prerequisite {
  readonly name: string;
  readonly holds: (probe: SandboxProbe, config: unknown) => boolean;
  readonly reason: (probe: SandboxProbe) => string;
  readonly hint: (probe: SandboxProbe) => string;
}

/** Source: docs/reference.md, "Setup", step 11. The last one protects the engine: agents' sandboxes never get the socket. */
export const PREREQUISITES: readonly Prerequisite[] = [
  {
    name: 'docker-cli',
    holds: ({ hasCli }) => hasCli,
    reason: () => 'the image does not contain the docker command',
    hint: () => 'build it with OPENCLAW_INSTALL_DOCKER_CLI=1, or use an image that contains it',
  },
  {
    name: 'socket',
    holds: ({ isSocket, group }) => isSocket && group !== undefined,
    reason: ({ socket }) => `${socket} is not the socket of an engine`,
    hint: () =>
      'set OPENCLAW_DOCKER_SOCKET to the path that docker context inspect --format "{{.Endpoints.docker.Host}}" prints',
  },
  {
    name: 'socket-access',
    holds: ({ answers }) => answers,
    reason: ({ socket, group }) => `the user node, in group ${group}, cannot use ${socket}`,
    hint: ({ socket }) => `give its group write access: chmod g+rw '${socket}'`,
  },
  {
    name: 'sandbox-image',
    holds: ({ hasImage }) => hasImage,
    reason: ({ image }) => `the engine does not have ${image}`,
    hint: ({ image }) =>
      image === SANDBOX_IMAGE ? 'build it: scripts/sandbox-setup.sh' : `pull it: docker pull ${image}`,
  },
  {
    name: 'no-socket-for-agents',
    holds: ({ socket }, config) => !bindsSocket(config, socket),
    reason: () =>
      "openclaw.json mounts the engine's socket into agents' sandboxes, which lets agents leave the sandbox",
    hint: () => 'remove it from sandbox.docker.binds and sandbox.browser.binds',
  },
];

/** @param config `openclaw.json` */
export function decideSandbox(probe: SandboxProbe, config: unknown): SandboxDecision {
  const failed = PREREQUISITES.find(({ holds }) => !holds(probe, config));
  if (failed !== undefined)
    return { mounted: false, failed: failed.name, reason: failed.reason(probe), hint: failed.hint(probe) };
  return { mounted: true, socket: probe.socket, group: probe.group ?? 0 };
}

/** The image of the sandboxes in which agents run their tools. */
export function sandboxImage(config: unknown): string {
  const image = field(config, 'agents.defaults.sandbox.docker.image');
  return typeof image === 'string' && image !== '' ? image : SANDBOX_IMAGE;
}

/** Whether `binds` in the agents' configuration contains the socket, or a folder that contains it. */
function bindsSocket(config: unknown, socket: string): boolean {
  const walk = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.some(walk);
    if (typeof value !== 'object' || value === null) return false;
    return Object.entries(value).some(([name, child]) =>
      name === 'binds' && Array.isArray(child) ? child.some((bind) => holdsSocket(String(bind), socket)) : walk(child),
    );
  };
  return walk(field(config, 'agents'));
}

/** Whether a bind mounts the engine's socket, or a folder that contains it. */
export function holdsSocket(bind: string, socket: string): boolean {
  const source = posix.normalize(bind.split(':')[0] ?? '').replace(/\/+$/, '');
  return [socket, '/var/run/docker.sock', '/run/docker.sock'].some(
    (path) => path === source || path.startsWith(`${source}/`),
  );
}
