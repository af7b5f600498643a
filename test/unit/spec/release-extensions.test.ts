import { afterEach, expect, it, vi } from 'vitest';
import { parseReleaseOptions, parseReleaseSpecs } from '../../../build/commands/release/release-options.ts';

afterEach(() => vi.unstubAllEnvs());

const extensionsOf = (options: { readonly extensions?: string }) => {
  const release = parseReleaseOptions({ ref: 'refs/tags/v2026.9.6', variants: 'default,browser' });
  const { specs, problems } = parseReleaseSpecs(release, options, undefined);
  return { problems, extensions: Object.values(specs).map(({ extensions }) => extensions) };
};

it('puts the plugins of a release into every image', () => {
  vi.stubEnv('OPENCLAW_RELEASE_EXTENSIONS', 'codex diagnostics-otel');
  const both = ['codex', 'diagnostics-otel'];
  expect(extensionsOf({})).toEqual({ problems: [], extensions: [both, both] });
  expect(extensionsOf({ extensions: 'slack' }).extensions).toEqual([['slack'], ['slack']]);
});

it('ignores the plugins of local builds, and an empty variable of a workflow', () => {
  vi.stubEnv('OPENCLAW_EXTENSIONS', 'slack');
  vi.stubEnv('OPENCLAW_RELEASE_EXTENSIONS', '');
  expect(extensionsOf({}).extensions).toEqual([[], []]);
});

it('refuses a plugin that cannot have that name', () => {
  expect(extensionsOf({ extensions: '../secret' }).problems).toMatchObject([
    { source: '--extensions', value: '../secret' },
  ]);
});
