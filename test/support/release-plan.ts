import { type PlanState, planRelease, type RegistryState } from '../../build/release/plan-release.ts';
import { parseRelease, type ReleaseEvent, type ReleaseRequest } from '../../build/release/release.ts';

export const FIRST = 'ghcr.io/openclaw/openclaw';
export const MIRROR = 'docker.io/openclaw/openclaw';
export const BUILT = `sha256:${'b'.repeat(64)}`;

type Change = Partial<ReleaseRequest> & PlanState;

/** Plans a push of main, with one default image for one registry, which is empty, but for the change. */
export const plan = (given: Change) => {
  // A given `undefined` means that no registry was read.
  const { published, digests, created, revision, decision, ...change } = { published: {}, ...given };
  return planRelease(
    parseRelease({
      ref: 'refs/heads/main',
      event: 'push',
      variants: ['default'],
      platforms: [],
      registries: [FIRST],
      date: '20260401',
      platformTags: true,
      ...change,
    }),
    { published, digests, created, revision, decision },
  );
};

/** `2026.3.13 latest=2026.3.13` → tags. Each version has a different digest, and a channel has that of its version. */
export function registry(text: string): RegistryState {
  const digestOf = (name: string): string => `sha256:${Buffer.from(name).toString('hex')}`;
  return Object.fromEntries(
    text
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => {
        const [tag = '', is = tag] = word.split('=');
        if (is === 'BUILT') return [tag, { digest: BUILT }];
        return [tag, { digest: digestOf(is), ...(is.startsWith('?') ? {} : { version: is }) }];
      }),
  );
}

/** The action of each tag, in order: `create 2026.3.13, move latest`. */
export const actions = (change: Change): string =>
  plan(change)
    .tags.map(({ action, tag }) => `${action} ${tag}`)
    .join(', ');

/** A row of a table: what is released, the tags of the registry, and the actions. */
export type PlanCase = readonly [ref: string, event: ReleaseEvent, registry: string, tags: string];
