// @module-tag nightly
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PinStatus } from '../../build/base/pinned-base.ts';
import { isRunning } from '../../build/is-running.ts';
import { docker, engine, inImage, runUntil } from '../support/command.ts';
import { publishBase } from '../support/published-base.ts';
import { createReleaseFixture, type Published, type ReleaseFixture } from '../support/release-fixture.ts';

let fixture: ReleaseFixture;

const publish = (): readonly string[] => [
  ...['release', 'publish', ...fixture.common(fixture.repositories), '--variants', 'default', '--base', fixture.base],
  ...['--sign', 'none'],
];
let published: Published;
/** When the run was killed, during the verification of its image, and the tags at that time. */
let killed: { readonly at: string; readonly tags: readonly unknown[] };

/** A release of a small checkout, for tests of builds, bases and registries. */
beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  const kill = (pid: number) => process.kill(pid, 'SIGKILL');
  const { reached, output } = await runUntil(/: healthz$/m, publish(), kill, [], fixture.environment);
  expect(reached, output).toBe(true);
  // Nothing cleans up after SIGKILL. Other tests verify other images at the same time.
  const images = await docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', 'openclaw-image-release');
  const filters = images.stdout.split('\n').flatMap((name) => ['--filter', `ancestor=${name}`]);
  const left = await docker('ps', '--all', '--quiet', ...filters);
  expect(left.stdout).not.toBe('');
  await docker('rm', '--force', ...left.stdout.split('\n'));
  killed = { at: new Date().toISOString(), tags: await Promise.all(fixture.repositories.map(fixture.tagsOf)) };
  const { exitCode, stdout, stderr } = await fixture.run(...publish(), '--json');
  expect(exitCode, stdout + stderr).toBe(0);
  published = JSON.parse(stdout) as Published;
  const remaining = await docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', 'openclaw-image-release');
  // openclaw-image-release:DIGEST-HOST-PROCESS-RANDOM
  const abandoned = images.stdout.split('\n').filter((name) => {
    const [, pid] = /-(\d+)-[0-9a-f]{8}$/.exec(name) ?? [];
    return pid !== undefined && !isRunning(Number(pid));
  });
  expect(abandoned.length).toBeGreaterThan(0);
  for (const name of abandoned) expect(remaining.stdout.split('\n')).not.toContain(name);
});
afterAll(() => fixture.tearDown());

it('is built once if it was killed during the verification, and the second run writes all tags', () => {
  expect(killed.tags).toEqual([{}, {}]);
  const at = (name: RegExp): string => published.steps.find(({ step }) => name.test(step))?.at ?? '';
  expect(at(/^built default for linux\/amd64$/)).toMatch(/^20/);
  expect(at(/^built default /) < killed.at).toBe(true);
  expect(at(/^verified default for linux\/amd64$/) > killed.at).toBe(true);
});

describe('a newer base', () => {
  const pin = (): string => join(fixture.folder, 'pinned.Dockerfile');
  const rebase = (base: string, date: string, registries: readonly string[] = fixture.repositories) =>
    fixture.run(
      ...['rebase', `${fixture.repositories[0]}:${fixture.version}`, '--base', base, '--date', date],
      ...['--registries', registries.join(','), '--sign', 'none', '--json'],
    );

  it('is not published to a mirror that only the record names', async () => {
    const [first, mirror] = fixture.repositories;
    const before = await Promise.all([first, mirror].map(fixture.tagsOf));
    const { exitCode, stdout } = await rebase(fixture.base, '20300401', [first]);
    expect(exitCode).toBe(2);
    expect(stdout).toContain(`lacks ${mirror}`);
    expect(await Promise.all([first, mirror].map(fixture.tagsOf))).toEqual(before);
  });

  it('is found and pinned, and is then the newest', async () => {
    const { stdout } = await docker('buildx', 'imagetools', 'inspect', '--format', '{{json .Manifest}}', fixture.base);
    const { digest } = JSON.parse(stdout) as { readonly digest: string };
    await writeFile(pin(), `FROM ${fixture.base}@${digest}\n`);
    expect((await fixture.run('base', 'status', '--file', pin())).exitCode).toBe(0);
    await publishBase(engine(), fixture.base, 'two');
    const behind = await fixture.run('base', 'status', '--file', pin(), '--json');
    expect(behind.exitCode).toBe(1);
    const [status] = JSON.parse(behind.stdout) as readonly PinStatus[];
    expect(status?.pinned).toMatchObject({ digest, nodeVersion: expect.stringMatching(/^24\./) });
    expect(status?.newest.digest).not.toBe(digest);
    expect((await fixture.run('base', 'update', '--file', pin())).exitCode).toBe(0);
    expect(await readFile(pin(), 'utf8')).toBe(`FROM ${fixture.base}@${status?.newest.digest}\n`);
    expect((await fixture.run('base', 'status', '--file', pin())).exitCode).toBe(0);
  });

  it('replaces the base of a published release without a build, as a refresh that moves the channels', async () => {
    const [first, mirror] = fixture.repositories;
    const before = await fixture.tagsOf(first);
    const { exitCode, stdout, stderr } = await rebase(fixture.base, '20300401');
    expect(exitCode, stdout + stderr).toBe(0);
    const tags = await fixture.tagsOf(first);
    expect(tags[`${fixture.version}-r20300401`]).toBeDefined();
    expect(tags['latest']).toBe(tags[`${fixture.version}-r20300401`]);
    expect(tags[fixture.version]).toBe(before[fixture.version]);
    expect(await fixture.tagsOf(mirror)).toEqual(tags);
    const result = await inImage(`${first}:latest`, 'cat /etc/base-version && openclaw --version');
    expect(result.stdout).toMatch(new RegExp(`^two\n.*${RegExp.escape(fixture.version)}`));
  });

  it('is refused if it has another ABI of Node', async () => {
    const name = `${fixture.open.address}/node:other`;
    await publishBase(engine(), name, 'three', { also: 'ENV NODE_VERSION=25.1.0' });
    const { exitCode, stdout } = await rebase(name, '20300402');
    expect(exitCode).toBe(1);
    const { error } = JSON.parse(stdout) as Published;
    expect(error?.kind).toBe('cannot-rebase');
    expect(error?.reason).toContain('Node 24');
  });
});
