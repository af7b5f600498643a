import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckOutcome, failed, passed } from '../check-result.ts';
import { type Container, certificateMount, poll, startContainer } from '../engine/container.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { requestGateway } from '../engine/gateway-request.ts';
import { InterruptedError, WorkError } from '../problem.ts';
import type { ContractResult } from './check.ts';

/** The users that an image must work as: its own, Unraid's, and those of OpenShift and of Kubernetes with a range of ids. */
export const IDENTITIES = ['1000:1000', '99:100', '1000950000:0', '1000950000:1000950001'] as const;

/** @param text `all`, or a list: `99:100,1000:1000` @returns user and group ids, `99:100`; undefined for any other text */
export function parseIdentities(text: string): readonly string[] | undefined {
  if (text === 'all') return IDENTITIES;
  const identities = text.split(',').map((part) => part.trim());
  // Docker takes ids up to 31 bits.
  const isPair = (identity: string): boolean =>
    /^\d{1,10}:\d{1,10}$/.test(identity) && identity.split(':').every((id) => Number(id) < 2 ** 31);
  return identities.every(isPair) ? [...new Set(identities)] : undefined;
}

const START_SECONDS = 120;

/**
 * Options for a user other than the image's own, which brings the gateway's state as a mount: the folder in the image belongs to 1000.
 */
const ownState = (identity: string): readonly string[] => {
  const [uid = '', gid = ''] = identity.split(':');
  return uid === '1000' ? [] : ['--tmpfs', `/home/node/.openclaw:mode=700,uid=${uid},gid=${gid},exec`];
};

/**
 * Options of a container that may write nowhere but in memory. The home is a tmpfs too, so that the user can write there.
 *
 * Source: https://docs.docker.com/engine/storage/tmpfs/
 */
const HARDENED = [
  '--read-only',
  ...['--cap-drop', 'ALL'],
  ...['--security-opt', 'no-new-privileges'],
  ...['--tmpfs', '/tmp:mode=1777'],
  ...['--tmpfs', '/home/node:mode=1777,exec'],
] as const;

/** The tasks of each user: the command line, a program that a skill installs with npm, and a plugin. */
const TASKS = readFileSync(join(import.meta.dirname, 'identity-tasks.sh'), 'utf8');

/** The image to start. */
interface IdentitySubject {
  readonly reference: string;
  readonly platform: string | undefined;
  /** Factor for the time limits: an emulated processor is slower. */
  readonly slowdown: number;
  /** PEM file with certificate authorities that the gateway trusts in addition. */
  readonly ca: string | undefined;
}

/**
 * Starts an image as each user, as it is and hardened, and uses it.
 *
 * @param identities user and group ids: `99:100`
 * @throws InterruptedError after `signal`
 */
export async function checkIdentities(
  engine: DockerCli,
  image: IdentitySubject,
  identities: readonly string[],
  onCheck: (name: string) => void,
  signal: AbortSignal | undefined,
): Promise<readonly ContractResult[]> {
  const results: ContractResult[] = [];
  for (const identity of identities) {
    for (const hardening of ['plain', 'hardened'] as const) {
      const name = `identity ${identity} ${hardening}`;
      onCheck(name);
      const started = performance.now();
      const outcome = await checkIdentity(
        engine,
        image,
        identity,
        hardening === 'hardened' ? HARDENED : ownState(identity),
        signal,
      );
      if (signal?.aborted === true) throw new InterruptedError('the image was not verified, and no container is left');
      results.push({ name, row: 'identity', ...outcome, seconds: (performance.now() - started) / 1000 });
    }
  }
  return results;
}

async function checkIdentity(
  engine: DockerCli,
  { reference, platform, slowdown, ca }: IdentitySubject,
  identity: string,
  options: readonly string[],
  signal: AbortSignal | undefined,
): Promise<CheckOutcome> {
  const expected = 'healthy; command line, npm install --global and plugins work';
  let container: Container;
  try {
    const { mounts, environment: trusted } = certificateMount(ca);
    const environment = { ...trusted, OPENCLAW_GATEWAY_TOKEN: randomBytes(32).toString('hex') };
    container = await startContainer(engine, {
      ...{ image: reference, platform, mounts, environment, options: ['--user', identity, ...options] },
      ...(slowdown > 1 ? { healthSeconds: 30 } : {}),
    });
  } catch (error) {
    if (error instanceof WorkError) return failed(error.message, expected);
    throw error;
  }
  const interrupt = (): void => void container.remove();
  signal?.addEventListener('abort', interrupt, { once: true });
  const limit = START_SECONDS * slowdown;
  try {
    if (signal?.aborted === true) return failed('interrupted', expected);
    const answer = await requestGateway(container, '/healthz', [200], { seconds: limit, every: 1 });
    if (typeof answer !== 'object') {
      const lines = await container.lines(3);
      return failed(`no answer from /healthz within ${limit} s: ${lines.join(' ').slice(0, 300)}`, expected);
    }
    const health = await poll(async () => {
      const { health: now } = await container.state();
      return now === 'starting' ? undefined : (now ?? 'no health check');
    }, limit);
    if (health !== 'healthy') return failed(`Docker's health check says ${health ?? 'starting'}`, expected);
    const { exitCode, stdout, stderr } = await container.exec(['sh', '-c', TASKS]);
    if (exitCode === 0) return passed(expected);
    return failed(`${stdout}\n${stderr}`.trim().split('\n').slice(-3).join(' ').slice(0, 300), expected);
  } finally {
    signal?.removeEventListener('abort', interrupt);
    await container.remove();
  }
}
