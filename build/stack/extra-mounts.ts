import { posix } from 'node:path';
import { pathProblem, type ValueProblem } from './path-rule.ts';

/** A folder or file of the host, mounted in both containers. */
export interface ExtraMount {
  readonly source: string;
  readonly target: string;
  readonly access: 'ro' | 'rw';
  /** SELinux label: shared between containers (`z`) or private to one (`Z`). */
  readonly label: 'z' | 'Z' | undefined;
}

/** The parsed OPENCLAW_EXTRA_MOUNTS: its mounts, and the problems of each entry. */
export interface ReadMounts {
  readonly mounts: readonly ExtraMount[];
  readonly problems: readonly (ValueProblem & { readonly value: string })[];
}

const OPTIONS: Readonly<Record<string, Partial<Pick<ExtraMount, 'access' | 'label'>>>> = {
  ro: { access: 'ro' },
  rw: { access: 'rw' },
  z: { label: 'z' },
  Z: { label: 'Z' },
};
/** Targets that are set by other variables, or that would hide the gateway. */
const TAKEN: Readonly<Record<string, string>> = {
  '/': 'name a folder in the container',
  '/app': 'mount a subfolder: /app/extensions/<id>',
  '/home/node': 'set OPENCLAW_HOME_VOLUME',
  '/home/node/.openclaw': 'set OPENCLAW_CONFIG_DIR',
  '/home/node/.openclaw/workspace': 'set OPENCLAW_WORKSPACE_DIR',
  '/home/node/.config/openclaw': 'set OPENCLAW_AUTH_PROFILE_SECRET_DIR',
  '/var/run/docker.sock': 'set OPENCLAW_SANDBOX=1',
  '/run/docker.sock': 'set OPENCLAW_SANDBOX=1',
};
const ENGINE_SOCKET = /(?:^|\/)(?:docker|podman|containerd)\.sock$/;

/** @param text `source:target[:ro|rw|z|Z]`, separated by commas */
export function parseExtraMounts(text: string): ReadMounts {
  const mounts: ExtraMount[] = [];
  const problems: (ValueProblem & { value: string })[] = [];
  const entries = text.split(',').map((entry) => entry.replace(/^ +| +$/g, ''));
  for (const value of entries.filter((entry) => entry !== '')) {
    const problem = read(value, mounts);
    if (problem !== undefined) problems.push({ value, ...problem });
  }
  return { mounts, problems };
}

/** Adds the mount to the list, or returns its problem. */
function read(value: string, mounts: ExtraMount[]): ValueProblem | undefined {
  const [source = '', target, option = 'rw', ...rest] = value.split(':');
  if (target === undefined || rest.length > 0)
    return { reason: 'is not source:target[:ro|rw|z|Z]', hint: 'for example: /srv/media:/media:ro' };
  const problem = pathProblem(source, 'its source') ?? pathProblem(target, 'its target');
  if (problem !== undefined) return problem;
  if (ENGINE_SOCKET.test(source))
    return {
      reason: 'is the socket of the engine, so the container could control the engine',
      hint: 'set OPENCLAW_SANDBOX=1, which mounts the socket after its checks',
    };
  const known = OPTIONS[option];
  if (known === undefined || !Object.hasOwn(OPTIONS, option))
    return {
      reason: `has the unknown option '${option}'`,
      hint: `choose from ${Object.keys(OPTIONS).join(', ')}`,
    };
  const place = posix.normalize(target).replace(/\/+$/, '') || '/';
  if (Object.hasOwn(TAKEN, place)) return { reason: `has the reserved target ${place}`, hint: TAKEN[place] ?? '' };
  if (mounts.some((other) => other.target === place))
    return { reason: `is the second mount on ${place}`, hint: 'leave one of the mounts out' };
  mounts.push({ source, target: place, access: 'rw', label: undefined, ...known });
  return undefined;
}
