import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { docker, run } from '../support/command.ts';
import { type EngineProxy, startEngineProxy } from '../support/engine-proxy.ts';
import { SMALL_IMAGE, type TestGateway } from '../support/gateway.ts';
import { mountsInRehearsal, readState } from '../support/gateway-state.ts';
import { makeInstallation, type TestInstallation } from '../support/installation.ts';
import { addDatabase, type Fault } from '../support/next-gateway.ts';
import { type Event, runWithEvents } from '../support/run-with-events.ts';
import { ALWAYS_WITH_REAL, FAILURES, LATE } from '../support/update-failures.ts';

/**
 * The tests of one pair of gateways.
 *
 * @param gateway kind of both
 * @param isAlways whether a test of this title runs not only every night
 * @param prepare makes their images
 */
function testUpdates(
  name: string,
  gateway: TestGateway,
  isAlways: (title: string) => boolean,
  prepare: () => Promise<{ readonly from: string; readonly to: string }>,
) {
  const test = (title: string, body: () => Promise<void>) =>
    it(title, isAlways(title) ? {} : { tags: ['nightly'] }, body);
  let here: TestInstallation;
  let proxy: EngineProxy;
  let images = { from: '', to: '' };
  /** The old gateway's state, while it runs. */
  let before: ReadonlyMap<string, string>;
  const image = (schema: number, fault: Fault = 'none') => `openclaw-image-test:update-${name}-${schema}-${fault}`;
  const snapshots = () => `${here.config}-snapshots`;

  /** Runs setup with an image. @param when a message, and what to do when it appears @param next the same, later */
  async function setup(
    newImage: string,
    {
      options = [],
      environment = {},
      when,
      next,
    }: {
      readonly options?: readonly string[];
      readonly environment?: Record<string, string>;
      readonly when?: Event;
      readonly next?: Event;
    } = {},
  ) {
    await docker('tag', newImage, here.image);
    const done = await runWithEvents(
      [join(here.project, 'scripts/docker/setup.sh'), '--offline', ...options],
      {
        cwd: here.folder,
        env: {
          ...here.environment,
          DOCKER_HOST: proxy.host,
          OPENCLAW_IMAGE: here.image,
          ...here.ports,
          OPENCLAW_SKIP_ONBOARDING: '1',
          ...environment,
        },
      },
      [when, next].flatMap((event) => (event === undefined ? [] : [event])),
      () => proxy.goAway(3000),
    );
    expect(done.missing, done.output).toEqual([]);
    return done;
  }

  /** Runs setup, which must succeed. @returns its output */
  async function succeeds(...args: Parameters<typeof setup>): Promise<string> {
    const { exitCode, output } = await setup(...args);
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    return output;
  }

  const runs = async (version: string) => {
    await expect
      .poll(async () => (await fetch(`http://127.0.0.1:${here.port}/healthz`).catch(() => undefined))?.status, {
        timeout: 120_000,
      })
      .toBe(200);
    const label = '{{index .Config.Labels "org.opencontainers.image.version"}}';
    const [container] = (await docker('ps', '--quiet', '--filter', `publish=${here.port}`)).stdout.split('\n');
    const id = (await docker('container', 'inspect', '--format', '{{.Image}}', container ?? '')).stdout;
    expect((await docker('image', 'inspect', '--format', label, id)).stdout).toBe(version);
    // The name of the image is that of the gateway that runs, so that `docker compose up` starts the same.
    expect((await docker('image', 'inspect', '--format', '{{.Id}}', here.image)).stdout).toBe(id);
  };

  /** No copy of a rehearsal, no mark of an unfinished update, no second name of an image, and no container of setup. */
  const leavesNothing = async () => {
    const files = await readdir(snapshots());
    expect(files.filter((file) => !/^(?:\d+|installed|project)$/.test(file))).toEqual([]);
    for (const number of files.filter((file) => /^\d+$/.test(file)))
      expect(await readdir(join(snapshots(), number))).not.toContain('unfinished');
    const project = here.environment['COMPOSE_PROJECT_NAME'] ?? '';
    const tags = await docker('image', 'ls', '--format', '{{.Tag}}', 'openclaw-setup');
    expect(tags.stdout.split('\n')).not.toContain(`before-${project}`);
    const containers = await docker('ps', '--all', '--format', '{{.Names}} {{.Label "ai.openclaw.setup"}}');
    const ours = containers.stdout.split('\n').filter((line) => line.includes(project));
    expect(ours).toEqual([
      expect.stringMatching(new RegExp(`^${project}-openclaw-(?:gateway|folders)-1 $`)),
      expect.anything(),
    ]);
  };

  const database = () => readFile(join(here.config, 'test.db'), 'utf8');

  beforeAll(async () => {
    images = await prepare();
    here = await makeInstallation(`update-${name}`, 'with Node', gateway);
    await addDatabase(image(1), images.from, 1, { gateway });
    for (const fault of ['none', 'start', 'online', 'half', 'repair'] as const)
      await addDatabase(image(2, fault), images.to, 2, { fault, gateway });
    proxy = await startEngineProxy(here.environment['DOCKER_HOST'] ?? '', join(here.folder, 'engine.sock'));
    await mkdir(join(here.config, 'workspace/project'), { recursive: true });
    await writeFile(join(here.config, 'workspace/project/mine.txt'), 'my work');
    // A heartbeat fills the workspace, at some time while a test runs.
    const heartbeat = { agents: { defaults: { heartbeat: { every: '0m' } } } };
    if (gateway === 'whole') await writeFile(join(here.config, 'openclaw.json'), JSON.stringify(heartbeat));
    await succeeds(image(1));
    await writeFile(join(here.config, 'large.bin'), Buffer.alloc(300_000, 'x'));
    await chown(join(here.config, 'large.bin'), 1000, 1000);
    await mkdir(join(here.config, 'shared'));
    await chown(join(here.config, 'shared'), 1000, 1000);
    await chmod(join(here.config, 'shared'), 0o2770);
    before = await readState(here.config, gateway);
  });
  afterAll(async () => {
    await proxy?.close();
    await here?.remove();
  });
  // Each test ends with the old gateway and its state.
  afterEach(async () => {
    if ((await database()) !== '1') {
      await succeeds(image(2), { options: ['--rollback'] });
    }
    await runs('2026.9.1');
    const state = await readState(here.config, gateway);
    expect([...state.keys()].sort()).toEqual([...before.keys()].sort());
    expect(state).toEqual(before);
    expect(await readFile(join(here.config, 'workspace/project/mine.txt'), 'utf8')).toBe('my work');
  });

  test('rehearses, and changes nothing', async () => {
    let mounts: unknown;
    const look = async () => {
      mounts = await mountsInRehearsal();
    };
    const output = await succeeds(image(2), {
      options: ['--rehearse'],
      environment: { OPENCLAW_EXTRA_MOUNTS: `${here.project}:/mnt/new` },
      when: ['the new gateway started', look],
    });
    expect(output).toContain('Rehearsing the update from 2026.9.1 to 2026.9.2 on a copy of the state');
    // A mount that this run gives is in the rehearsal, and read-only.
    expect(mounts).toContainEqual(expect.objectContaining({ Destination: '/mnt/new', RW: false }));
    await runs('2026.9.1');
  });

  test('updates, keeps a snapshot that doctor lists, and goes back', async () => {
    await succeeds(image(2));
    await runs('2026.9.2');
    expect(await database()).toBe('2');
    const { mode } = await stat(snapshots());
    expect(mode & 0o077, 'others cannot read the snapshots, which contain tokens').toBe(0);
    const { stdout } = await run(['doctor', '--project', here.project, '--json'], { env: { HOME: here.home } });
    const { results } = JSON.parse(stdout) as { results: { name: string; status: string; found: string }[] };
    expect(results.find(({ name: check }) => check === 'snapshots')).toMatchObject({
      status: 'passed',
      found: expect.stringMatching(/\(2026\.9\.1, 20\d\d-\d\d-\d\d, \d.*B\).*--rollback NUMBER$/),
    });
  });

  test('repairs the state on request, with a snapshot', async () => {
    await succeeds(image(2, 'repair'), { options: ['--fix'] });
    await runs('2026.9.2');
    expect(await readdir(here.config)).toContain('repaired');
  });

  test('undoes a rollback, and keeps three snapshots', async () => {
    await succeeds(image(2));
    const rollback = await succeeds(image(2), { options: ['--rollback'] });
    const number = /Snapshot (\d+) has the state before this rollback/.exec(rollback)?.[1] ?? '';
    await succeeds(image(1), { options: ['--rollback', number] });
    await runs('2026.9.2');
    expect(await database()).toBe('2');
    await succeeds(image(2), { options: [`--rollback=${Number(number) - 1}`] });
    expect((await readdir(snapshots())).filter((file) => /^\d+$/.test(file)).length).toBe(3);
  });

  test('goes back by the newest update that was not undone', async () => {
    await succeeds(image(2));
    await succeeds(image(2), { options: ['--rollback'] });
    await succeeds(image(2));
    await succeeds(image(2), { options: ['--rollback'] });
    expect(await database()).toBe('1');
  });

  test('keeps the name of the installed image until the state is saved', async () => {
    const idOf = async (name: string) => (await docker('image', 'inspect', '--format', '{{.Id}}', name)).stdout;
    const seen: string[] = [];
    const look = async () => void seen.push(await idOf(here.image));
    const output = await succeeds(image(2), { options: ['--rehearse'], when: ['copied', look] });
    expect(seen).toEqual([await idOf(image(1))]);
    expect(output).toContain(`tag openclaw-setup:next-${here.environment['COMPOSE_PROJECT_NAME']} ${here.image} && `);
  });

  test('finishes a rollback that was killed, with the same command', async () => {
    await succeeds(image(2));
    await setup(image(2), { options: ['--rollback'], when: ['Starting the gateway', 'SIGKILL'] });
    const output = await succeeds(image(2), { options: ['--rollback'] });
    expect(output).toContain('An update was interrupted: restoring snapshot');
    expect(await database()).toBe('1');
    await leavesNothing();
  });

  test('restores the gateway although Ctrl-C is pressed again', async () => {
    const again = ['Restoring the state', 'SIGINT'] as const;
    const { exitCode, output } = await setup(image(2), { when: ['Starting the gateway', 'SIGINT'], next: again });
    expect({ exitCode }, output).toEqual({ exitCode: 130 });
    expect(output).toContain('The gateway is running version 2026.9.1 again.');
    await leavesNothing();
  });

  test('restores an interrupted update on a disk that becomes full', async () => {
    const small = join(here.folder, 'small');
    const environment = { OPENCLAW_SNAPSHOT_DIR: join(small, 'snapshots') };
    await mkdir(small, { recursive: true });
    // Room for the snapshot and, at the end, for a second copy of the state.
    await $`mount -t tmpfs -o size=${gateway === 'whole' ? '512m' : '2m'} tmpfs ${small}`;
    try {
      await setup(image(2), { environment, when: ['Starting the gateway', 'SIGKILL'] });
      const { stdout: free } = await $`df --output=avail --block-size=1K ${small}`;
      await $`dd if=/dev/zero of=${join(small, 'other')} bs=1K count=${Number(free.split('\n')[1]) - 100}`;
      for (const _ of [1, 2]) {
        const { exitCode, output } = await setup(image(2), { environment });
        expect({ exitCode }, output).toEqual({ exitCode: 1 });
        expect(output).toMatch(/No space left on device.*\n +Hint: make free space on that disk, then run setup again/);
        const left = await readdir(environment.OPENCLAW_SNAPSHOT_DIR);
        expect(left.filter((name) => /partial/.test(name)).length).toBeLessThan(2);
      }
      const moved = await setup(image(2), { environment: { OPENCLAW_SNAPSHOT_DIR: join(here.folder, 'elsewhere') } });
      expect(moved.output).toContain('which has an update that was interrupted');
      await rm(join(small, 'other'));
      expect(await succeeds(image(2), { environment })).toContain('An update was interrupted: restoring snapshot');
      expect(await database()).toBe('2');
      await succeeds(image(2), { options: ['--rollback'] });
      expect(await readFile(join(here.project, '.env'), 'utf8')).toContain(environment.OPENCLAW_SNAPSHOT_DIR);
      await succeeds(image(1), { environment: { OPENCLAW_SNAPSHOT_DIR: '' } });
    } finally {
      await $`umount ${small}`;
    }
  });

  test('saves and restores the state of an installation whose .env is not there', async () => {
    const files = [join(here.project, '.env'), join(here.config, 'openclaw.json')] as const;
    const kept = await Promise.all(files.map((file) => readFile(file)));
    await here.compose('down');
    await rm(files[0]);
    await rm(join(snapshots(), 'installed'));
    await writeFile(
      files[1],
      JSON.stringify({ ...JSON.parse(`${kept[1]}`), meta: { lastTouchedVersion: '2026.9.1' } }),
    );
    const { exitCode, output } = await setup(image(2, 'half'), { options: ['--skip-rehearsal'] });
    expect({ exitCode }, output).toEqual({ exitCode: 1 });
    expect(output).toContain('Updating the gateway from 2026.9.1 to 2026.9.2');
    expect(await database()).toBe('1');
    await Promise.all(files.map((file, index) => writeFile(file, kept[index] ?? '')));
    await succeeds(image(1));
  });

  test('keeps an update that had ended when setup was killed', async () => {
    const killed = await setup(image(2), { when: ['Starting the gateway', 'SIGKILL'] });
    expect(killed.signal).toBe('SIGKILL');
    await here.compose('up', '--detach', 'openclaw-gateway');
    await expect.poll(async () => (await here.compose('ps')).stdout, { timeout: 120_000 }).toContain('(healthy)');
    const output = await succeeds(image(2));
    expect(output).not.toContain('interrupted');
    expect(await database()).toBe('2');
    await leavesNothing();
  });

  test('refuses options that contradict each other, and a number without a snapshot', async () => {
    for (const [message, ...options] of [
      ['has no number', '--rollback='],
      ['cannot be combined', '--rollback', '--rehearse'],
      ['--rollback: "99" is not the number of a snapshot', '--rollback', '99'],
    ] as const) {
      const { exitCode, output } = await setup(image(1), { options });
      expect({ exitCode }, output).toEqual({ exitCode: 2 });
      expect(output).toContain(message);
    }
  });

  // With every failure, the gateway runs in the end, with its state as before or migrated.
  for (const { name: title, fault, options = [], rollback, when, disk, ends } of FAILURES) {
    if (rollback && gateway === 'whole') continue;
    test(title, async () => {
      if (rollback) await succeeds(image(2));
      const small = join(here.folder, 'small');
      const environment: Record<string, string> =
        disk === undefined ? {} : { OPENCLAW_SNAPSHOT_DIR: join(small, 'snapshots') };
      if (disk !== undefined) {
        await mkdir(small, { recursive: true });
        await $`mount -t tmpfs -o size=${disk} tmpfs ${small}`;
      }
      try {
        const first = await setup(image(2, fault), { options, environment, ...(when === undefined ? {} : { when }) });
        if (when?.[1] === 'SIGKILL') {
          const output = await succeeds(image(2));
          if (LATE.has(when[0])) expect(output).toContain('An update was interrupted: restoring snapshot');
        } else expect(first.exitCode, first.output).not.toBe(0);
        await runs(ends === 'new' ? '2026.9.2' : '2026.9.1');
        expect(await database(), first.output).toBe(ends === 'new' ? '2' : '1');
        if (fault === 'repair') expect(first.output).toContain('scripts/docker/setup.sh --fix');
        if (fault === 'online') expect(first.output).toContain('the new gateway suggests `openclaw doctor --fix`');
        if (disk !== undefined) expect(first.output).toContain('No space left on device');
        await leavesNothing();
      } finally {
        if (disk !== undefined) {
          await $`umount ${small}`;
          await succeeds(image(1), { environment: { OPENCLAW_SNAPSHOT_DIR: '' } });
        }
      }
    });
  }
}

const isAlwaysWithSmall = (title: string): boolean =>
  FAILURES.find(({ name }) => name === title)?.always ?? !FAILURES.some(({ name }) => name === title);

describe('an update of the small gateway', () =>
  testUpdates('small', 'small', isAlwaysWithSmall, async () => ({ from: SMALL_IMAGE, to: SMALL_IMAGE })));

/** Real pairs: one that migrates nothing, and two whose newer gateway changes databases and files of the older one. */
describe.each(['2026.8.2', '2026.9.5', '2026.5.28'])('an update from the real %s to the newest', (version) => {
  const isAlways = (title: string): boolean => version === '2026.8.2' && ALWAYS_WITH_REAL.has(title);
  testUpdates(version, 'whole', isAlways, async () => {
    const tag = `openclaw-image-test:whole-${version}`;
    const { exitCode, stderr } = await run(['build', '--package', `openclaw@${version}`, '--tag', tag]);
    expect(exitCode, stderr).toBe(0);
    return { from: tag, to: 'openclaw:local' };
  });
});
