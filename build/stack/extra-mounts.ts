import { posix } from 'node:path';
import { type Complaint, pathComplaint } from './path-rule.ts';

/** A folder or file of the host's in both containers. */
export interface ExtraMount {
  readonly source: string;
  readonly target: string;
  readonly access: 'ro' | 'rw';
  /** SELinux: shared between containers (`z`), or private to one (`Z`). */
  readonly label: 'z' | 'Z' | undefined;
}

/** What stands in OPENCLAW_EXTRA_MOUNTS: its mounts, and what is wrong with it, entry by entry. */
export interface ReadMounts {
  readonly mounts: readonly ExtraMount[];
  readonly complaints: readonly (Complaint & { readonly value: string })[];
}

const OPTIONS: Readonly<Record<string, Partial<Pick<ExtraMount, 'access' | 'label'>>>> = {
  ro: { access: 'ro' },
  rw: { access: 'rw' },
  z: { label: 'z' },
  Z: { label: 'Z' },
};
/** Places that other variables fill, and what would take the gateway away. */
const TAKEN: Readonly<Record<string, string>> = {
  '/': 'name a folder within the container',
  '/app': 'mount what you need under it: /app/extensions/<id>',
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
  const complaints: (Complaint & { value: string })[] = [];
  const entries = text.split(',').map((entry) => entry.replace(/^ +| +$/g, ''));
  for (const value of entries.filter((entry) => entry !== '')) {
    const complaint = read(value, mounts);
    if (complaint !== undefined) complaints.push({ value, ...complaint });
  }
  return { mounts, complaints };
}

/** Adds the mount, or says what is wrong with it. */
function read(value: string, mounts: ExtraMount[]): Complaint | undefined {
  const [source = '', target, option = 'rw', ...rest] = value.split(':');
  if (target === undefined || rest.length > 0)
    return { reason: 'is no source:target[:ro|rw|z|Z]', wayOut: 'for example: /srv/media:/media:ro' };
  const complaint = pathComplaint(source, 'its source') ?? pathComplaint(target, 'its target');
  if (complaint !== undefined) return complaint;
  if (ENGINE_SOCKET.test(source))
    return {
      reason: 'would hand the engine to whoever is in the container',
      wayOut: 'set OPENCLAW_SANDBOX=1, which mounts it once everything that it needs is there',
    };
  const known = OPTIONS[option];
  if (known === undefined || !Object.hasOwn(OPTIONS, option))
    return {
      reason: `has the option '${option}', which is unknown`,
      wayOut: `choose ${Object.keys(OPTIONS).join(', ')}`,
    };
  const place = posix.normalize(target).replace(/\/+$/, '') || '/';
  if (Object.hasOwn(TAKEN, place))
    return { reason: `has the target ${place}, which is taken`, wayOut: TAKEN[place] ?? '' };
  if (mounts.some((other) => other.target === place))
    return { reason: `is the second mount on ${place}`, wayOut: 'leave one of them out' };
  mounts.push({ source, target: place, access: 'rw', label: undefined, ...known });
  return undefined;
}
