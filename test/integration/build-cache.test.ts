import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { $ } from 'zx';
import { readStatements } from '../../build/attest/attestation.ts';
import { PROVENANCE_PREDICATE, type Provenance } from '../../build/attest/provenance.ts';
import { registryContent } from '../../build/oci/content.ts';
import { isAttestation } from '../../build/oci/descriptor.ts';
import { manifestsOf } from '../../build/oci/document.ts';
import { parseReference } from '../../build/oci/reference.ts';
import { docker } from '../support/command.ts';
import { createReleaseFixture, nextVersion, type ReleaseFixture } from '../support/release-fixture.ts';

let fixture: ReleaseFixture;
let cache = '';

beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  cache = `${fixture.open.address}/openclaw-cache`;
});
afterAll(() => fixture.tearDown());

const release = (ref: string, ...more: readonly string[]) =>
  fixture.run(
    ...['release', 'publish', '--ref', ref, '--platforms', 'linux/amd64', '--registries', fixture.repositories[0]],
    ...['--variants', 'default', '--base', fixture.base, '--cache', cache, '--sign', fixture.privateKey, ...more],
  );

const cacheDigest = async (): Promise<string | undefined> =>
  (await fixture.read.document(parseReference(cache), 'default-amd64'))?.descriptor.digest;

/** The caches that the provenance of a tag names. */
async function cachesOf(tag: string): Promise<readonly unknown[]> {
  const repository = parseReference(fixture.repositories[0]);
  const index = await fixture.read.document(repository, tag);
  const [entry] = index === undefined ? [] : manifestsOf(index.content).filter(isAttestation);
  if (entry === undefined) throw new Error(`${tag} has no attestation`);
  const statements = await readStatements(registryContent(fixture.read, repository), entry);
  const { buildDefinition } = (statements.get(PROVENANCE_PREDICATE)?.predicate ?? {}) as Provenance;
  return (buildDefinition?.resolvedDependencies ?? []).filter(({ name }) => name === 'build cache');
}

it('is written by a build of main, signed, and read by the next release, whose provenance names it', async () => {
  const main = await release('refs/heads/main');
  expect(main.exitCode, main.stderr).toBe(0);
  expect(main.stderr).toContain(`building without a cache: ${cache}:default-amd64 does not exist yet`);
  expect(main.stderr).toContain(`pushing the build cache ${cache}:default-amd64`);
  expect(await cachesOf('main')).toEqual([]);
  const digest = await cacheDigest();
  const version = await release(fixture.ref);
  expect(version.exitCode, version.stderr).toBe(0);
  expect(version.stderr).not.toContain('building without a cache');
  expect(await cachesOf(fixture.version)).toEqual([
    {
      name: 'build cache',
      uri: `pkg:docker/${cache}@default-amd64`,
      digest: { sha256: digest?.replace('sha256:', '') },
    },
  ]);
  // A release of a version writes none.
  expect(await cacheDigest()).toBe(digest);
});

it('costs only time if its layers are gone', { tags: ['nightly'] }, async () => {
  const [name = ''] = cache.split('/').slice(-1);
  // With its config, BuildKit takes the cache for complete, and misses a layer when it needs it.
  const document = await fixture.read.document(parseReference(cache), 'default-amd64');
  const config = document !== undefined && 'config' in document.content ? document.content.config.digest : '';
  await fixture.open.forgetBlobs(name, config);
  // Else the engine needs none of them.
  expect((await docker('builder', 'prune', '--all', '--force')).exitCode).toBe(0);
  const next = await nextVersion(fixture);
  const { exitCode, stderr } = await release(`refs/tags/v${next}`);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain('building again without the build cache');
  expect(await cachesOf(next)).toEqual([]);
});

it('is used by another commit: only the stages whose files it changed run', async () => {
  const checkout = fixture.environment['OPENCLAW_SOURCE'] ?? '';
  // Another second than that of the first commit, and so another SOURCE_DATE_EPOCH.
  const date = new Date(Date.now() + 60_000).toISOString();
  // The engine keeps its cache from one run of the tests to the next: a page that an earlier run wrote would be in it.
  await appendFile(join(checkout, 'docs/index.md'), `\nAnother page, of ${date}\n`);
  const git = $({ cwd: checkout, env: { ...process.env, GIT_COMMITTER_DATE: date } });
  await git`git -c user.name=Test -c user.email=test@example.org commit --quiet --all --message ${'Edit the docs'}`;
  const { exitCode, stderr } = await release('refs/heads/main');
  expect(exitCode, stderr).toBe(0);
  const ran = [...stderr.matchAll(/^\+ \[linux\/amd64 ([a-z-]+) +\d+\/\d+\] RUN/gm)].map(([, stage]) => stage);
  expect([...new Set(ran)].sort()).toEqual(['build-info', 'docs']);
});
