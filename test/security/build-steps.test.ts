import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DockerfileRequest, planDockerfile } from '../../build/dockerfile/plan.ts';
import { renderDockerfile } from '../../build/dockerfile/render.ts';
import { sandboxStages } from '../../build/dockerfile/sandbox-stages.ts';
import { readCheckout } from '../../build/gateway/checkout.ts';
import { makeCheckout } from '../support/make-checkout.ts';

const BASE = `node:24-bookworm-slim@sha256:${'a'.repeat(64)}`;
let checkout = '';
const texts = new Map<string, string>();

beforeAll(async () => {
  checkout = await makeCheckout('new');
  const rest = { base: BASE, plugins: [], aptPackages: ['jq'], pipPackages: ['humanize'], dockerCli: true } as const;
  const source: DockerfileRequest = { ...rest, gateway: await readCheckout(checkout, ['echo']), browser: 'playwright' };
  const packed: DockerfileRequest = {
    ...rest,
    gateway: {
      ...{ kind: 'package', version: '2026.9.6', installScripts: ['postinstall'], allowedScripts: ['sharp'] },
      dependencyLayers: [],
    },
    plugins: [{ id: 'slack', packageName: '@openclaw/slack', version: '2026.9.6', integrity: 'sha512-x' }],
    browser: 'playwright',
  };
  for (const [name, request] of Object.entries({ 'a checkout': source, 'a package': packed })) {
    texts.set(name, renderDockerfile(planDockerfile(request)));
    texts.set(`${name}, for a release`, renderDockerfile(planDockerfile({ ...request, isolated: true })));
  }
  texts.set('the sandboxes', renderDockerfile({ parameters: [], stages: sandboxStages({ debian: BASE, node: BASE }) }));
});
afterAll(() => rm(checkout, { recursive: true, force: true }));

/** RUN instructions without comments. */
const steps = (name: string): readonly string[] =>
  (texts.get(name) ?? '')
    .split(/^(?=RUN )/m)
    .filter((step) => step.startsWith('RUN '))
    .map((step) => step.replace(/^\s*#.*\n/gm, ''));

/** Commands that may run where npm's tokens are: they run no code of other people, or as a user who cannot read the tokens. */
const MAY_SEE_TOKENS = [
  /^npm_production .*--ignore-scripts\b/,
  /^npm_global /, // has --ignore-scripts itself
  /^npm install .*--ignore-scripts\b/,
  /^npm pack .*--ignore-scripts\b/,
  /^pnpm fetch --ignore-pnpmfile\b/,
  /^node \/programs\/[a-z-]+\.mjs\b/, // ours; run-install-scripts.mjs gives up root for each script
];
const NAMES = ['a checkout', 'a checkout, for a release', 'a package', 'a package, for a release', 'the sandboxes'];

describe.each(NAMES)('the build of %s', (name) => {
  it('gives npm’s tokens to no code of other people', () => {
    const withTokens = steps(name).filter((step) => step.includes('id=npmrc'));
    expect(withTokens.length).toBeGreaterThan(0);
    for (const step of withTokens)
      for (const [command] of step.matchAll(/^ *(?:npm|pnpm|npx|bun|node|npm_\w+)\b.*$/gm))
        expect(
          MAY_SEE_TOKENS.some((allowed) => allowed.test(command.trim())),
          command,
        ).toBe(true);
  });

  it('lets build scripts of a checkout write nothing but their own stage', () => {
    const building = steps(name).filter((text) => /^pnpm run /m.test(text));
    expect(building.length > 0).toBe(name.startsWith('a checkout'));
    for (const step of building) expect(step).not.toContain('type=cache');
  });
});

it.each(['a checkout, for a release', 'a package, for a release'])(
  'the build of %s installs no package that an earlier build could have changed',
  (name) => {
    for (const step of steps(name).filter((text) => /pnpm install|run-install-scripts/.test(text)))
      expect(step).not.toMatch(/id=pnpm\b|id=openclaw-unpacked/);
    expect(steps(name.replace(', for a release', '')).join('')).toMatch(/id=pnpm\b|id=openclaw-unpacked/);
  },
);
