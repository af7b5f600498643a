import { expect, it } from 'vitest';
import type { Registry } from '../../../build/oci/registry.ts';
import { planRelease } from '../../../build/release/plan-release.ts';
import { readAllPublished } from '../../../build/release/read-published.ts';
import { parseRelease } from '../../../build/release/release.ts';
import { FIRST } from '../../support/release-plan.ts';

/** Tags without annotations, by name; the values are digests. */
const withoutAnnotations = (tags: Readonly<Record<string, string>>): Pick<Registry, 'tags' | 'document'> =>
  ({
    tags: async () => Object.keys(tags),
    document: async (_: unknown, tag: string) =>
      tags[tag] === undefined ? undefined : { descriptor: { digest: `sha256:${tags[tag]}` }, annotations: {} },
  }) as unknown as Registry;

it('finds the versions of all variants behind channels without annotations: by their digests', async () => {
  const release = parseRelease({
    ...{ ref: 'refs/tags/v2026.9.6', event: 'push', date: '20260401', registries: [FIRST], platformTags: false },
    ...{ variants: ['default', 'slim', 'browser'], platforms: ['linux/amd64'] },
  });
  const tags = {
    ...{ '2026.9.5': '1', '2026.9.5-slim': '2', '2026.9.5-browser': '3', '2026.9.7-browser': '4' },
    ...{ latest: '1', slim: '2', 'latest-browser': '4' },
  };
  const published = await readAllPublished(release, withoutAnnotations(tags), () => undefined);
  const channels = planRelease(release, { published }).tags.filter(({ kind }) => kind === 'channel');
  expect(channels.map(({ action, tag, why }) => `${action} ${tag}: ${why}`)).toEqual([
    'move latest: 2026.9.6 is the newest release',
    'move slim: 2026.9.6 is the newest release',
    'keep latest-browser: 2026.9.7 is newer',
  ]);
});
