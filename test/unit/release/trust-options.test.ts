import { describe, expect, it } from 'vitest';
import { requireTrust } from '../../../build/commands/release/trust-options.ts';

const GITHUB = 'https://github.com';

describe('the keyless identity that counts if none is given', () => {
  const trust = requireTrust({});
  const counts = (identity: string) => trust.kind === 'keyless' && new RegExp(trust.identity).test(identity);

  it.each([
    '/openclaw/openclaw/.github/workflows/release.yml@refs/heads/main',
    '/openclaw/openclaw/.github/workflows/release.yml@refs/tags/v2026.9.6',
    '/openclaw/openclaw-image/.github/workflows/promote.yml@refs/heads/main',
  ])('is %s', (path) => expect(counts(GITHUB + path)).toBe(true));

  it.each([
    ['another repository of the organisation', '/openclaw/website/.github/workflows/release.yml@refs/heads/main'],
    ['a repository whose name begins alike', '/openclaw/openclaw-x/.github/workflows/release.yml@refs/heads/main'],
    ['another organisation', '/openclaw2/openclaw/.github/workflows/release.yml@refs/heads/main'],
    ['a workflow that runs for pull requests', '/openclaw/openclaw/.github/workflows/preview.yml@refs/heads/main'],
    ['another branch', '/openclaw/openclaw/.github/workflows/release.yml@refs/heads/feature'],
    ['a branch whose name begins alike', '/openclaw/openclaw/.github/workflows/release.yml@refs/heads/main2'],
    ['a tag that is no version', '/openclaw/openclaw/.github/workflows/release.yml@refs/tags/nightly'],
    ['a pull request', '/openclaw/openclaw/.github/workflows/release.yml@refs/pull/7/merge'],
  ])('is not %s', (_, path) => expect(counts(GITHUB + path)).toBe(false));

  it('is not a host whose name ends alike', () => {
    expect(counts('https://github.com.evil/openclaw/openclaw/.github/workflows/release.yml@refs/heads/main')).toBe(
      false,
    );
    expect(counts('https://githubxcom/openclaw/openclaw/.github/workflows/release.yml@refs/heads/main')).toBe(false);
  });
});
