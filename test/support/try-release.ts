import { basename, join } from 'node:path';
import { execa } from 'execa';
import { $ } from 'zx';
import { certificateMount, startContainer } from '../../build/engine/container.ts';
import type { DockerCli } from '../../build/engine/docker-cli.ts';
import { requestGateway } from '../../build/engine/gateway-request.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The result of one release. A part that was not reached is undefined. */
export interface TriedRelease {
  readonly version: string;
  /** Options that the build needed, beside the version. */
  readonly options: readonly string[];
  readonly builds: boolean;
  readonly seconds: number;
  readonly bytes?: number;
  /** Passed checks of the contract, of all. */
  readonly verifies?: readonly [passed: number, all: number];
  readonly healthz?: boolean;
  readonly controlUi?: boolean;
  readonly plugins?: number;
  /** Why it is not green, and the way out. */
  readonly note?: string;
}

interface Failed {
  readonly error?: {
    readonly kind: string;
    readonly reason?: string;
    readonly hint?: string;
    /** Those of a request that is not valid. */
    readonly problems?: readonly { readonly reason: string; readonly hint: string }[];
  };
}

/** Runs the command line with --json. */
async function run<T>(args: readonly string[]): Promise<T & Failed> {
  const { stdout } = await execa(join(ROOT, 'scripts/run'), [...args, '--json'], { reject: false, cwd: ROOT });
  return JSON.parse(stdout) as T & Failed;
}

interface Built {
  readonly size: number;
  readonly gateway: { readonly version: string };
}

interface Verified {
  readonly results: readonly { readonly name: string; readonly status: string; readonly found: string }[];
}

export const isFolder = (input: string): boolean => input.includes('/');

/**
 * Builds a release with the options that it needs, checks the image against the contract, starts it, and removes it.
 *
 * @param input a version on npm, or the folder of a checkout
 * @param given options of the build; those that messages of the build name are added
 */
export async function tryRelease(
  engine: DockerCli,
  input: string,
  given: readonly string[] = [],
): Promise<TriedRelease> {
  const tag = `openclaw-image-inputs:${basename(input)}`;
  try {
    return await measure(engine, input, tag, given);
  } finally {
    await $({ env: engine.environment, nothrow: true, quiet: true })`${engine.docker} image rm --force ${tag}`;
  }
}

async function measure(engine: DockerCli, input: string, tag: string, given: readonly string[]): Promise<TriedRelease> {
  const gateway = isFolder(input) ? ['--source', input] : ['--package', `openclaw@${input}`];
  const started = performance.now();
  const build = (options: readonly string[]) => run<Built>(['build', ...gateway, '--tag', tag, ...options]);
  let options = given;
  let built = await build(options);
  // The messages name the options.
  const hints = [built.error, ...(built.error?.problems ?? [])].map((problem) => problem?.hint ?? '');
  const overrides = hints.flatMap((hint) =>
    [...hint.matchAll(/--override ([^\s;,]+=npm:[^\s;,]+)/g)].map(([, override]) => override as string),
  );
  if (overrides.length > 0) {
    options = [...given, ...[...new Set(overrides)].flatMap((override) => ['--override', override])];
    built = await build(options);
  }
  const took = (performance.now() - started) / 1000;
  const { error } = built;
  const version = built.gateway?.version ?? basename(input);
  if (error !== undefined)
    return {
      version,
      options,
      builds: false,
      seconds: took,
      note: `${error.kind}: ${[error, ...(error.problems ?? [])].map(({ reason = '', hint = '' }) => `${reason} ${hint}`).join(' ')}`,
    };
  const { results = [] } = await run<Verified>(['verify', tag]);
  const failed = results.filter(({ status }) => status === 'failed');
  const warned = results.filter(({ status }) => status === 'warning');
  const found = await start(engine, tag);
  const notes = [
    ...[...failed, ...warned].map(({ name, found: text }) => `${name}: ${text}`),
    ...(found.hasControlUi ? [] : ['the package has no dist/control-ui: build the release from its sources']),
  ];
  return {
    ...{ version, options, builds: true, seconds: took, bytes: built.size },
    verifies: [results.length - failed.length, results.length],
    ...found.answers,
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  };
}

/** Starts the gateway and asks it. */
async function start(
  engine: DockerCli,
  image: string,
): Promise<{
  readonly hasControlUi: boolean;
  readonly answers: Pick<TriedRelease, 'healthz' | 'controlUi' | 'plugins'>;
}> {
  const { mounts, environment } = certificateMount(process.env['NODE_EXTRA_CA_CERTS']);
  const container = await startContainer(engine, {
    ...{ image, mounts, environment: { ...environment, OPENCLAW_GATEWAY_TOKEN: 'a'.repeat(32) } },
  });
  try {
    const limits = { seconds: 120, every: 1 };
    const health = await requestGateway(container, '/healthz', [200], limits);
    const page = await requestGateway(container, '/', [200], limits);
    const { stdout } = await container.exec(['openclaw', 'plugins', 'list', '--json']);
    const listed = /\{[\s\S]*\}/.exec(stdout)?.[0];
    const { plugins = [] } = JSON.parse(listed ?? '{}') as { readonly plugins?: readonly unknown[] };
    const answers = (answer: typeof health): boolean => answer !== undefined && answer !== 'no shell';
    const file = await container.exec(['test', '-e', '/app/dist/control-ui/index.html']);
    return {
      hasControlUi: file.exitCode === 0,
      answers: {
        healthz: answers(health),
        controlUi: answers(page) && typeof page === 'object' && page.body.includes('<html'),
        plugins: plugins.length,
      },
    };
  } finally {
    await container.remove();
  }
}
