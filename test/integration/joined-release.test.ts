// @module-tag nightly
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runUntil } from '../support/command.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import {
  createReleaseFixture,
  forgetJournals,
  type Published,
  type ReleaseFixture,
} from '../support/release-fixture.ts';

let fixture: ReleaseFixture;
let pieces = '';

beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  pieces = join(fixture.folder, 'pieces');
});
afterAll(() => fixture.tearDown());

const joinArgs = (registries: readonly string[]): readonly string[] => [
  ...['release', 'join', ...fixture.common(registries), '--variants', 'default', '--from', pieces],
  ...['--sign', fixture.privateKey, '--json'],
];

async function joinPieces(registries: readonly string[]) {
  const { exitCode, stdout, stderr } = await fixture.run(...joinArgs(registries));
  return { exitCode, stdout, stderr, said: JSON.parse(stdout) as Published };
}

describe('a release of machines that build a platform each', () => {
  let proxy: FaultProxy;
  let mirrorProxy: FaultProxy;
  let mirror: TestRegistry;
  /** What both registries have after a release in which nothing went wrong. */
  let wanted: Readonly<Record<string, string | undefined>>;
  let steps: readonly string[];

  beforeAll(async () => {
    proxy = await startFaultProxy(fixture.open.address);
    mirror = await startRegistry();
    mirrorProxy = await startFaultProxy(mirror.address);
    await forgetTags();
    const built = await fixture.run(
      ...[
        'release',
        'build',
        ...fixture.common(fixture.repositories),
        '--variants',
        'default',
        '--base',
        fixture.base,
        '--to',
        pieces,
        '--json',
      ],
    );
    expect(built.exitCode, built.stdout + built.stderr).toBe(0);
    const { exitCode, said } = await joinSaying();
    expect(exitCode, said).toBe(0);
    wanted = await fixture.tagsOf(fixture.repositories[0]);
    expect(await fixture.tagsOf(fixture.repositories[1])).toEqual(wanted);
    steps = said
      .split('\n')
      .filter((line) => line.startsWith('- '))
      .map((line) => line.slice(2))
      // Steps of the journal, and not what is read or told between them.
      .filter((line) => /^(?:built|verified|pushed|checked|signed|recorded|tagged|reading every) /.test(line));
  });
  afterAll(async () => {
    await proxy.stop();
    await mirrorProxy.stop();
    await mirror.stop();
  });
  beforeEach(async () => {
    await forgetTags();
    await forgetJournals();
  });

  const forgetTags = async (): Promise<void> => {
    await fixture.open.forgetTags('openclaw');
    await fixture.closed.forgetTags('openclaw');
    await mirror.forgetRepository('openclaw');
  };
  /** The two that are released to, one of them through a proxy that has faults. */
  const through = (at: FaultCase['at']): readonly string[] =>
    at === 'first'
      ? [`${proxy.address}/openclaw`, fixture.repositories[1]]
      : [fixture.repositories[0], `${mirrorProxy.address}/openclaw`];

  /** With what it says, for people. */
  async function joinSaying() {
    const args = joinArgs(fixture.repositories).filter((arg) => arg !== '--json');
    const { exitCode, stdout, stderr } = await fixture.run(...args);
    return { exitCode, said: `${stdout}\n${stderr}` };
  }

  it('is refused where a machine is missing', async () => {
    const { exitCode, stdout } = await fixture.run(
      ...[
        'release',
        'join',
        '--ref',
        fixture.ref,
        '--registries',
        fixture.repositories.join(','),
        '--variants',
        'default',
      ],
      ...['--from', pieces, '--json'],
    );
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error).toMatchObject({ kind: 'incomplete' });
    expect(await fixture.tagsOf(fixture.repositories[0])).toEqual({});
  });

  const isManifest = (url = ''): boolean => /\/manifests\/sha256:/.test(url);
  interface Asked {
    readonly url?: string | undefined;
    readonly method?: string | undefined;
  }
  interface FaultCase {
    readonly name: string;
    readonly at: 'first' | 'mirror';
    readonly inject: () => (request: Asked) => Fault;
    /** Kind of the error where it is refused. */
    readonly refused?: string;
  }
  /** The fault for requests that are meant, and for no other. */
  const when =
    (applies: (request: Asked) => boolean, fault: Fault): FaultCase['inject'] =>
    () =>
    (request) =>
      applies(request) ? fault : 'pass';
  const counted = (most: number, fault: Fault): (() => Fault) => {
    let count = 0;
    return () => {
      count += 1;
      return count <= most ? fault : 'pass';
    };
  };
  const FAULTS: readonly FaultCase[] = [
    {
      name: 'a storm of 429',
      at: 'first',
      inject: () => {
        let until: number | undefined;
        return () => {
          until ??= performance.now() + 3000;
          return performance.now() < until ? { kind: 'status', status: 429, retryAfter: 1 } : 'pass';
        };
      },
    },
    {
      name: '500 for every fifth request',
      at: 'first',
      inject: () => {
        let count = 0;
        return () => {
          count += 1;
          return count % 5 === 0 ? { kind: 'status', status: 500 } : 'pass';
        };
      },
    },
    {
      name: 'uploads that break off',
      at: 'mirror',
      inject: () => {
        const broken = counted(4, { kind: 'reset-upload', after: 100_000 });
        return ({ method, url }) => (method === 'PUT' && url?.includes('/blobs/uploads/') === true ? broken() : 'pass');
      },
    },
    {
      name: 'answers that break off',
      at: 'first',
      inject: () => {
        const broken = counted(5, { kind: 'reset-answer' });
        return ({ method }) => (method === 'GET' ? broken() : 'pass');
      },
    },
    { name: 'a slow network', at: 'first', inject: () => () => ({ kind: 'slow', milliseconds: 100 }) },
    {
      name: 'truncated manifests',
      at: 'first',
      inject: when(({ method, url }) => method === 'GET' && isManifest(url), { kind: 'truncated' }),
      refused: 'digest-mismatch',
    },
    {
      name: 'a wrong digest for what was pushed',
      at: 'mirror',
      inject: when(({ method, url }) => method === 'PUT' && isManifest(url), { kind: 'wrong-digest' }),
      refused: 'digest-mismatch',
    },
    {
      name: '401 for what is pushed',
      at: 'mirror',
      inject: when(({ method }) => method === 'POST', { kind: 'status', status: 401 }),
      refused: 'registry-denied',
    },
    {
      name: '403 for the record',
      at: 'first',
      inject: when(
        ({ method, url }) => method === 'PUT' && url?.endsWith(`/manifests/release-${fixture.version}`) === true,
        { kind: 'status', status: 403 },
      ),
      refused: 'registry-denied',
    },
  ];

  it.each(FAULTS)('$name: complete, or nothing is tagged', async ({ at, inject: make, refused }) => {
    const chosen = at === 'first' ? proxy : mirrorProxy;
    const registries = through(at);
    chosen.inject(make());
    const { exitCode, said, stdout, stderr } = await joinPieces(registries);
    expect(chosen.injected()).toBeGreaterThan(0);
    chosen.inject(() => 'pass');
    const found = await Promise.all(
      [fixture.repositories[0], at === 'first' ? fixture.repositories[1] : `${mirror.address}/openclaw`].map(
        fixture.tagsOf,
      ),
    );
    if (refused === undefined) {
      expect(exitCode, stdout + stderr).toBe(0);
      expect(found).toEqual([wanted, wanted]);
    } else {
      expect(exitCode).toBe(1);
      expect(said.error).toMatchObject({ kind: refused });
      expect(found).toEqual([{}, {}]);
      // And goes on where it was, once that is over.
      const again = await joinPieces(registries);
      expect(again.exitCode, again.stdout).toBe(0);
    }
  });

  it('does not ask again where it is not let in', async () => {
    mirrorProxy.inject(when(({ method }) => method === 'POST', { kind: 'status', status: 403 })());
    const { said } = await joinPieces(through('mirror'));
    expect(said.error?.kind).toBe('registry-denied');
    // Several uploads begin side by side, each once.
    expect(mirrorProxy.injected()).toBeLessThanOrEqual(5);
    mirrorProxy.inject(() => 'pass');
  });

  it('outlasts a registry that is down for 20 s in the midst of tagging', async () => {
    let down: Promise<void> | undefined;
    proxy.inject(({ method, url }) => {
      if (method === 'PUT' && url?.endsWith(`/manifests/${fixture.version}`) === true) down ??= proxy.downFor(20_000);
      return 'pass';
    });
    const { exitCode, stdout } = await joinPieces(through('first'));
    await down;
    expect(down).toBeDefined();
    expect(exitCode, stdout).toBe(0);
    expect(await Promise.all(fixture.repositories.map(fixture.tagsOf))).toEqual([wanted, wanted]);
  });

  it('is made by one of two that come at once, and the other says who it is', async () => {
    const results = await Promise.all([joinPieces(fixture.repositories), joinPieces(fixture.repositories)]);
    const lost = results.filter(({ exitCode }) => exitCode !== 0);
    expect(lost.length).toBe(1);
    expect(lost[0]?.said.error, lost[0]?.stdout).toMatchObject({ kind: 'release-held' });
    expect(lost[0]?.said.error?.reason).toMatch(/process \d+ holds the release lock of/);
    expect(await Promise.all(fixture.repositories.map(fixture.tagsOf))).toEqual([wanted, wanted]);
  });

  it('stops after Ctrl-C between two steps, and gives the repository free', async () => {
    const args = joinArgs(fixture.repositories).filter((arg) => arg !== '--json');
    const interrupt = (pid: number) => process.kill(pid, 'SIGINT');
    const { exitCode, said } = await runUntil(/^- pushed /m, args, interrupt, [], fixture.environment);
    expect(exitCode, said).toBe(130);
    expect(said).toContain('the same command resumes there');
    expect(await fixture.tagsOf(fixture.repositories[0])).toEqual({});
    expect((await joinPieces(fixture.repositories)).exitCode).toBe(0);
  });

  it('ends in the same state, wherever it was killed, and however often', async () => {
    expect(steps.length).toBeGreaterThan(15);
    const args = joinArgs(fixture.repositories).filter((arg) => arg !== '--json');
    const killAt = (step: string) => {
      const line = new RegExp(`^- ${RegExp.escape(step)}$`, 'm');
      return runUntil(line, args, (pid) => process.kill(pid, 'SIGKILL'), [], fixture.environment);
    };
    const endsWell = async (step: string): Promise<void> => {
      const { exitCode, stdout } = await joinPieces(fixture.repositories);
      expect(exitCode, `${step}: ${stdout}`).toBe(0);
      expect(await Promise.all(fixture.repositories.map(fixture.tagsOf)), step).toEqual([wanted, wanted]);
      await forgetTags();
      await forgetJournals();
    };
    // Each kind of step the first time, and the very last: the others of a kind are the same to who is killed there.
    const kindOf = (step: string): string => step.split(' ')[0] ?? '';
    const chosen = steps.filter(
      (step, index) => index === steps.length - 1 || kindOf(step) !== kindOf(steps[index - 1] ?? ''),
    );
    for (const [index, step] of chosen.entries()) {
      // The run before may have come further than it had said, when it died.
      let { reached } = await killAt(step);
      if (!reached) {
        await endsWell(`killed before ${step}`);
        reached = (await killAt(step)).reached;
      }
      expect(reached, `never came to: ${step}`).toBe(true);
      // Channels are last: where latest is, every version is.
      for (const tags of await Promise.all(fixture.repositories.map(fixture.tagsOf))) {
        for (const [tag, digest] of Object.entries(tags)) expect(digest, `${step}: ${tag}`).toBe(wanted[tag]);
        if (tags['latest'] !== undefined) expect(tags[fixture.version], step).toBe(wanted[fixture.version]);
      }
      // Some go on to their end, and some are killed once more a step later.
      if (index % 3 === 2) await endsWell(step);
    }
    await endsWell('all steps');
    await joinPieces(fixture.repositories);
    const verified = await fixture.run(
      ...[
        'release',
        'verify',
        `${fixture.repositories[1]}:latest`,
        '--platforms',
        'linux/amd64',
        '--key',
        fixture.publicKey,
      ],
      ...['--source', 'https://example.org/fixture'],
    );
    expect(verified.exitCode, verified.stdout).toBe(0);
  });
});
