// @module-tag nightly
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { putArtifact } from '../../build/oci/artifact.ts';
import { parseReference } from '../../build/oci/reference.ts';
import type { Promotion } from '../../build/release/promote.ts';
import type { TagStatus } from '../../build/release/release-status.ts';
import { createReleaseFixture, type Published, type ReleaseFixture } from '../support/release-fixture.ts';

let fixture: ReleaseFixture;
let good = '';
let bad = '';

/** Publishes the checkout under its version, on both registries, signed. @returns JSON output */
async function publish(version: string): Promise<Published> {
  const { exitCode, stdout, stderr } = await fixture.run(
    ...['release', 'publish', '--ref', `refs/tags/v${version}`, '--platforms', 'linux/amd64'],
    ...['--registries', fixture.repositories.join(','), '--variants', 'default,slim', '--base', fixture.base],
    ...['--sign', fixture.privateKey, '--json'],
  );
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Published;
}

/** Gives the checkout the next version, and tags it. */
async function nextVersion(): Promise<string> {
  const { OPENCLAW_SOURCE: checkout = '' } = fixture.environment;
  const file = join(checkout, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  const [year, month, day] = manifest.version.split('.').map(Number);
  manifest.version = `${year}.${month}.${(day ?? 0) + 1}`;
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  const git = $({ cwd: checkout });
  await git`git -c user.name=Test -c user.email=test@example.org commit --quiet --all --message ${'Next version'}`;
  await git`git tag ${`v${manifest.version}`}`;
  return manifest.version;
}

const promote = (to: string, ...more: readonly string[]) =>
  fixture.run(
    ...['release', 'promote', 'latest', '--to', to, '--reason', 'sign-in fails', '--key', fixture.publicKey],
    ...['--registries', fixture.repositories.join(','), '--json', ...more],
  );

const tagsOfBoth = () => Promise.all(fixture.repositories.map(fixture.tagsOf));

beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  good = fixture.version;
  await publish(good);
  bad = await nextVersion();
  await publish(bad);
});
afterAll(() => fixture.tearDown());

describe('the way back from a bad release', () => {
  it('is listed first, and nothing is written', async () => {
    const before = await tagsOfBoth();
    const { exitCode, stdout } = await promote(good);
    expect(exitCode, stdout).toBe(0);
    const { decision, tags, written } = JSON.parse(stdout) as Promotion & { readonly written: boolean };
    expect(written).toBe(false);
    expect(decision).toMatchObject({ channel: 'latest', release: good, withdrawn: [bad], reason: 'sign-in fails' });
    expect(tags.map(({ action, tag }) => `${action} ${tag}`)).toEqual(
      [...Array(2)].flatMap(() => ['move latest', 'move latest-amd64', 'move slim', 'move slim-amd64']),
    );
    expect(await tagsOfBoth()).toEqual(before);
  });

  it('needs a signature if the release has one', async () => {
    const { exitCode, stdout } = await promote(good, '--sign', 'none', '--yes');
    expect(exitCode).toBe(2);
    expect(stdout).toContain('would leave the decision unsigned');
  });

  it('moves the channel in all variants, on all registries', async () => {
    const { exitCode, stdout, stderr } = await promote(good, '--sign', fixture.privateKey, '--yes');
    expect(exitCode, stdout + stderr).toBe(0);
    for (const tags of await tagsOfBoth()) {
      expect(tags['latest']).toBe(tags[good]);
      expect(tags['slim']).toBe(tags[`${good}-slim`]);
      expect(tags['latest-amd64']).toBe(tags[`${good}-amd64`]);
      expect(tags[bad]).not.toBe(tags[good]);
    }
  });

  it('is shown as decided, and the good release is the newest', async () => {
    const trusted = ['--registries', fixture.repositories.join(','), '--key', fixture.publicKey];
    const status = await fixture.run('release', 'status', '--release', bad, ...trusted, '--json');
    expect(status.exitCode, status.stdout).toBe(0);
    const { tags } = JSON.parse(status.stdout) as { readonly tags: readonly TagStatus[] };
    const channels = tags.filter(({ kind }) => kind === 'channel');
    expect(new Set(channels.map(({ state }) => state))).toEqual(new Set(['decided']));
    expect(channels[0]?.why).toContain('sign-in fails');
    const newest = await fixture.run('release', 'newest', ...trusted);
    expect(newest.stdout).toContain(`ref=refs/tags/v${good}`);
  });

  it('lasts if the bad release is published again, and ends with the next one', async () => {
    await publish(bad);
    const [kept] = await tagsOfBoth();
    expect(kept?.['latest']).toBe(kept?.[good]);
    const next = await nextVersion();
    await publish(next);
    for (const tags of await tagsOfBoth()) expect(tags['latest']).toBe(tags[next]);
  });

  it('is not taken from somebody who can only push', async () => {
    const [first] = fixture.repositories;
    const content = { channel: 'latest', release: good, withdrawn: ['2099.1.1'], reason: 'x', decided: NOW, by: 'x' };
    await putArtifact(fixture.read, parseReference(first), 'decision-latest', {
      type: 'application/vnd.openclaw.channel.decision.v1+json',
      annotations: {},
      content,
    });
    const plan = ['release', 'plan', '--ref', 'refs/tags/v2099.1.1', '--registries', first, '--key', fixture.publicKey];
    const refused = await fixture.run(...plan, '--json');
    expect(refused.exitCode).toBe(1);
    const { error } = JSON.parse(refused.stdout) as Published & { readonly error: { readonly hint: string } };
    expect(error.kind).toBe('untrusted-decision');
    const [, ...clear] = /scripts\/run (.*)$/.exec(error.hint)?.[0].split(' ') ?? [];
    expect((await fixture.run(...clear)).exitCode).toBe(0);
    expect((await fixture.run(...plan)).stdout).toContain('2099.1.1 is the newest release');
  });
});

const NOW = '2026-11-27T12:00:00Z';
