// @module-tag nightly
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putArtifact } from '../../build/oci/artifact.ts';
import { parseReference } from '../../build/oci/reference.ts';
import type { Promotion } from '../../build/release/promote.ts';
import type { TagStatus } from '../../build/release/release-status.ts';
import {
  createReleaseFixture,
  nextVersion,
  type Published,
  publishVersion,
  type ReleaseFixture,
} from '../support/release-fixture.ts';

const VARIANTS = 'default,slim';

let fixture: ReleaseFixture;
let good = '';
let bad = '';

const promote = (to: string, ...more: readonly string[]) =>
  fixture.run(
    ...['release', 'promote', 'latest', '--to', to, '--reason', 'sign-in fails', '--key', fixture.publicKey],
    ...['--registries', fixture.repositories.join(','), '--json', ...more],
  );

const tagsOfBoth = () => Promise.all(fixture.repositories.map(fixture.tagsOf));

beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  good = fixture.version;
  await publishVersion(fixture, good, VARIANTS);
  bad = await nextVersion(fixture);
  await publishVersion(fixture, bad, VARIANTS);
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
    await publishVersion(fixture, bad, VARIANTS);
    const [kept] = await tagsOfBoth();
    expect(kept?.['latest']).toBe(kept?.[good]);
    const next = await nextVersion(fixture);
    await publishVersion(fixture, next, VARIANTS);
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
