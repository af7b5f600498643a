import { describe, expect, it } from 'vitest';
import type { GatewayBuildPlan } from '../../../build/image/build-plan.ts';
import type { BuiltImage } from '../../../build/image/built-image.ts';
import { buildReport } from '../../../build/report/build-report.ts';

const LAYER = { name: 'server', holds: 'the gateway', cached: false, size: 4_000_000 };
const IMAGE: BuiltImage = {
  names: ['openclaw:try'],
  digest: 'sha256:0f3c',
  size: 242_000_000,
  formerSize: undefined,
  annotations: {},
  layers: [LAYER, { ...LAYER, name: 'docs', cached: true }],
  stages: [{ stage: 'server', seconds: 12, cached: false }],
  rebuilt: [],
  uncached: [],
  seconds: 12.4,
};
const PLAN = {
  base: { name: 'node:24-bookworm-slim', nodeVersion: '24.1.0', kind: 'pinned' },
  gateway: { kind: 'registry', version: '2026.9.6', origin: 'openclaw@2026.9.6' },
} as unknown as GatewayBuildPlan;

const lines = (image: Partial<BuiltImage>, verbose = false) =>
  buildReport({ ...IMAGE, ...image }, PLAN, ['scripts/run verify openclaw:try'], verbose)
    .split('\n')
    .map((line) => line.trim());

describe('the report of a build', () => {
  it('is a title and five lines', () => {
    expect(lines({ formerSize: 240_800_000, rebuilt: [{ stage: 'server', reason: 'src/index.ts changed' }] })).toEqual([
      'Built in 12.4 s',
      'image    openclaw:try',
      'digest   sha256:0f3c',
      'size     242 MB compressed, 1.2 MB larger than the last build',
      'rebuilt  server (src/index.ts changed); 1 of 2 layers were cached',
      'next     scripts/run verify openclaw:try',
    ]);
  });

  it.each<[string, Partial<BuiltImage>, string]>([
    ['a first build', {}, 'size     242 MB compressed'],
    ['a smaller image', { formerSize: 243_000_000 }, 'size     242 MB compressed, 1.0 MB smaller than the last build'],
    ['an equal image', { formerSize: 242_000_000 }, 'size     242 MB compressed, as the last build'],
    ['a first build', {}, 'rebuilt  1 of 2 layers'],
    ['no change', { stages: [] }, 'rebuilt  nothing'],
    [
      'many changes',
      { rebuilt: ['a', 'b', 'c', 'd', 'e', 'f'].map((stage) => ({ stage, reason: 'x changed' })) },
      'rebuilt  a (x changed), b (x changed), c (x changed), d (x changed), 2 more; 1 of 2 layers were cached',
    ],
  ])('after %s', (_, image, line) => {
    expect(lines(image)).toContain(line);
  });

  it('has a line for each command', () => {
    const report = buildReport(IMAGE, PLAN, ['scripts/run verify a', 'eval b'], false);
    expect(report).toMatch(/^next +scripts\/run verify a *\n +eval b$/m);
  });

  it('says which stages ran without a change', () => {
    expect(lines({ uncached: ['server'] }).join('\n')).toContain('this engine does not have the cache');
  });

  it('lists layers and stages on request', () => {
    const report = lines({}, true).join('\n');
    expect(report).toMatch(/^server +4\.0 MB +new +the gateway$/m);
    expect(report).toMatch(/^server +12\.0 s$/m);
    expect(report).toContain('Node 24.1.0');
    expect(lines({}).join('\n')).not.toContain('the gateway');
  });
});
