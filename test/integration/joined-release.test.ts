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
let images = '';

beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  images = join(fixture.folder, 'images');
});
afterAll(() => fixture.tearDown());

const joinArgs = (registries: readonly string[]): readonly string[] => [
  ...['release', 'join', ...fixture.common(registries), '--variants', 'default', '--from', images],
  ...['--sign', fixture.privateKey, '--json'],
];

async function joinImages(registries: readonly string[]) {
  const { exitCode, stdout, stderr } = await fixture.run(...joinArgs(registries));
  return { exitCode, stdout, stderr, output: JSON.parse(stdout) as Published };
}

describe('a release by machines that build one platform each', () => {
  let proxy: FaultProxy;
  let mirrorProxy: FaultProxy;
  let mirror: TestRegistry;
  /** The tags of both registries after a release without faults. */
  let expected: Readonly<Record<string, string | undefined>>;
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
        ...['--ref', fixture.ref, '--platforms', 'linux/amd64'],
        '--variants',
        'default',
        '--base',
        fixture.base,
        '--to',
        images,
        '--json',
      ],
    );
    expect(built.exitCode, built.stdout + built.stderr).toBe(0);
    const { exitCode, output } = await joinSaying();
    expect(exitCode, output).toBe(0);
    expected = await fixture.tagsOf(fixture.repositories[0]);
    expect(await fixture.tagsOf(fixture.repositories[1])).toEqual(expected);
    steps = output
      .split('\n')
      .filter((line) => line.startsWith('- '))
      .map((line) => line.slice(2))
      // The steps of the journal, without the messages between them.
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
  /** The target registries. A proxy adds faults to one of them. */
  const through = (at: FaultCase['at']): readonly string[] =>
    at === 'first'
      ? [`${proxy.address}/openclaw`, fixture.repositories[1]]
      : [fixture.repositories[0], `${mirrorProxy.address}/openclaw`];

  /** With its messages for people. */
  async function joinSaying() {
    const args = joinArgs(fixture.repositories).filter((arg) => arg !== '--json');
    const { exitCode, stdout, stderr } = await fixture.run(...args);
    return { exitCode, output: `${stdout}\n${stderr}` };
  }

  it('is refused if a machine is missing', async () => {
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
      ...['--from', images, '--json'],
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
    /** Kind of the error, if the release fails. */
    readonly refused?: string;
  }
  /** The fault, for the requests of this case only. */
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
    const { exitCode, output, stdout, stderr } = await joinImages(registries);
    expect(chosen.injected()).toBeGreaterThan(0);
    chosen.inject(() => 'pass');
    const found = await Promise.all(
      [fixture.repositories[0], at === 'first' ? fixture.repositories[1] : `${mirror.address}/openclaw`].map(
        fixture.tagsOf,
      ),
    );
    if (refused === undefined) {
      expect(exitCode, stdout + stderr).toBe(0);
      expect(found).toEqual([expected, expected]);
    } else {
      expect(exitCode).toBe(1);
      expect(output.error).toMatchObject({ kind: refused });
      expect(found).toEqual([{}, {}]);
      // It resumes when the fault is over.
      const again = await joinImages(registries);
      expect(again.exitCode, again.stdout).toBe(0);
    }
  });

  it('does not retry if access is denied', async () => {
    mirrorProxy.inject(when(({ method }) => method === 'POST', { kind: 'status', status: 403 })());
    const { output } = await joinImages(through('mirror'));
    expect(output.error?.kind).toBe('registry-denied');
    // Several uploads start at the same time, each once.
    expect(mirrorProxy.injected()).toBeLessThanOrEqual(5);
    mirrorProxy.inject(() => 'pass');
  });

  it('survives a registry that is down for 20 s while tags are written', async () => {
    let down: Promise<void> | undefined;
    proxy.inject(({ method, url }) => {
      if (method === 'PUT' && url?.endsWith(`/manifests/${fixture.version}`) === true) down ??= proxy.downFor(20_000);
      return 'pass';
    });
    const { exitCode, stdout } = await joinImages(through('first'));
    await down;
    expect(down).toBeDefined();
    expect(exitCode, stdout).toBe(0);
    expect(await Promise.all(fixture.repositories.map(fixture.tagsOf))).toEqual([expected, expected]);
  });

  it('is made by one of two concurrent processes, and the other names the first', async () => {
    const results = await Promise.all([joinImages(fixture.repositories), joinImages(fixture.repositories)]);
    const lost = results.filter(({ exitCode }) => exitCode !== 0);
    expect(lost.length).toBe(1);
    expect(lost[0]?.output.error, lost[0]?.stdout).toMatchObject({ kind: 'release-held' });
    expect(lost[0]?.output.error?.reason).toMatch(/process \d+ holds the release lock of/);
    expect(await Promise.all(fixture.repositories.map(fixture.tagsOf))).toEqual([expected, expected]);
  });

  it('stops after Ctrl-C between two steps, and releases the lock', async () => {
    const args = joinArgs(fixture.repositories).filter((arg) => arg !== '--json');
    const interrupt = (pid: number) => process.kill(pid, 'SIGINT');
    const { exitCode, output } = await runUntil(/^- pushed /m, args, interrupt, [], fixture.environment);
    expect(exitCode, output).toBe(130);
    expect(output).toContain('the same command resumes there');
    expect(await fixture.tagsOf(fixture.repositories[0])).toEqual({});
    expect((await joinImages(fixture.repositories)).exitCode).toBe(0);
  });

  it('ends in the same state, wherever and however often it was killed', async () => {
    expect(steps.length).toBeGreaterThan(15);
    const args = joinArgs(fixture.repositories).filter((arg) => arg !== '--json');
    const killAt = (step: string) => {
      const line = new RegExp(`^- ${RegExp.escape(step)}$`, 'm');
      return runUntil(line, args, (pid) => process.kill(pid, 'SIGKILL'), [], fixture.environment);
    };
    const endsWell = async (step: string): Promise<void> => {
      const { exitCode, stdout } = await joinImages(fixture.repositories);
      expect(exitCode, `${step}: ${stdout}`).toBe(0);
      expect(await Promise.all(fixture.repositories.map(fixture.tagsOf)), step).toEqual([expected, expected]);
      await forgetTags();
      await forgetJournals();
    };
    // Each kind of step for the first time, and the last step: other steps of a kind have the same effect.
    const kindOf = (step: string): string => step.split(' ')[0] ?? '';
    const chosen = steps.filter(
      (step, index) => index === steps.length - 1 || kindOf(step) !== kindOf(steps[index - 1] ?? ''),
    );
    for (const [index, step] of chosen.entries()) {
      // The killed run may have done more than it printed.
      let { reached } = await killAt(step);
      if (!reached) {
        await endsWell(`killed before ${step}`);
        reached = (await killAt(step)).reached;
      }
      expect(reached, `never came to: ${step}`).toBe(true);
      // Channels are last: if latest exists, every version exists.
      for (const tags of await Promise.all(fixture.repositories.map(fixture.tagsOf))) {
        for (const [tag, digest] of Object.entries(tags)) expect(digest, `${step}: ${tag}`).toBe(expected[tag]);
        if (tags['latest'] !== undefined) expect(tags[fixture.version], step).toBe(expected[fixture.version]);
      }
      // Some runs end, and some are killed again one step later.
      if (index % 3 === 2) await endsWell(step);
    }
    await endsWell('all steps');
    await joinImages(fixture.repositories);
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
