import { describe, expect, it } from 'vitest';
import { readStages } from '../../../build/dockerfile/stage-graph.ts';
import type { BuildInputs } from '../../../build/image/build-inputs.ts';
import { type Expectation, explainBuild, uncachedStages } from '../../../build/image/explain-build.ts';

const FILE = `ARG APT=""
FROM base AS system
ARG APT
RUN apt install tini $APT
FROM base AS tools
RUN install pnpm
FROM scratch AS manifests
COPY pnpm-lock.yaml /
FROM manifests AS install-manifests
FROM tools AS installed
COPY --from=install-manifests / ./
RUN pnpm install
FROM installed AS ui
COPY ui ./ui
RUN build ui
FROM system AS runtime
COPY --link docs /app/docs
COPY --link --from=ui /ui /
`;
const LAYERS = [
  { name: 'system', holds: '', made: { by: 'stage', stage: 'system' } },
  { name: 'docs', holds: '', made: { by: 'copy', stage: 'runtime', instruction: 'COPY --link docs /app/docs' } },
  { name: 'ui', holds: '', made: { by: 'copy', stage: 'runtime', instruction: 'COPY --link --from=ui /ui /' } },
] as const;

const inputs = (change: {
  readonly file?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly base?: string;
}): BuildInputs => ({
  stages: readStages(change.file ?? FILE, []),
  contexts: { base: { 'node:24': change.base ?? 'sha256:a' } },
  files: Object.fromEntries(
    Object.entries({ 'pnpm-lock.yaml': '1', 'ui/a.ts': '1', 'ui/b.ts': '1', 'docs/a.md': '1', ...change.files })
      .filter(([, sha256]) => sha256 !== '')
      .map(([path, sha256]) => [path, { bytes: 1, changed: 1, sha256 }]),
  ),
});
const explain = (change: Parameters<typeof inputs>[0]) => explainBuild(LAYERS, inputs(change), inputs({}));
const all = (expectation: Expectation, explained: ReturnType<typeof explain>[keyof ReturnType<typeof explain>]) =>
  explained.filter((one) => one.expectation === expectation).map(({ name }) => name);

describe('what the next build runs', () => {
  it.each<[string, Parameters<typeof inputs>[0], readonly string[], readonly string[], string]>([
    ['nothing changed', {}, [], [], ''],
    ['a document', { files: { 'docs/a.md': '2' } }, [], ['docs'], 'docs/a.md changed'],
    ['a new document', { files: { 'docs/b.md': '1' } }, [], ['docs'], 'docs/b.md is new'],
    ['a source', { files: { 'ui/a.ts': '2' } }, ['ui'], [], 'ui/a.ts changed'],
    ['a source that is gone', { files: { 'ui/b.ts': '' } }, ['ui'], [], 'ui/b.ts was removed'],
    [
      'the lockfile',
      { files: { 'pnpm-lock.yaml': '2' } },
      ['manifests', 'installed', 'ui'],
      [],
      'pnpm-lock.yaml changed',
    ],
    ['a package', { file: FILE.replace('APT=""', 'APT="jq"') }, ['system'], ['system'], 'APT: "" → "jq"'],
    [
      'an instruction',
      { file: FILE.replace('build ui', 'build ui fast') },
      ['ui'],
      [],
      'its instructions changed: RUN build ui fast',
    ],
    [
      'the base',
      { base: 'sha256:b' },
      ['system', 'tools', 'installed', 'ui'],
      ['system'],
      'node:24: sha256:a → sha256:b',
    ],
  ])('%s', (_, change, stages, layers, reason) => {
    const explained = explain(change);
    expect(all('runs', explained.stages)).toEqual(stages);
    expect(all('runs', explained.layers)).toEqual(layers);
    for (const { expectation, reasons } of [...explained.stages, ...explained.layers])
      if (expectation === 'runs') expect(reasons).toEqual([reason]);
  });

  it('a layer is new only if its stage produces a different result', () => {
    const explained = explain({ files: { 'ui/a.ts': '2' } });
    expect(explained.layers.at(-1)).toEqual({
      name: 'ui',
      expectation: 'depends',
      reasons: ['only if ui produces a different result'],
    });
  });
});

it('tells stages that ran without a change from those that had one', () => {
  expect(uncachedStages(explain({}), ['system', 'ui'])).toEqual(['system', 'ui']);
  expect(uncachedStages(explain({ files: { 'ui/a.ts': '2' } }), ['ui'])).toEqual([]);
  // It runs only if the stage that it reads has another result.
  expect(uncachedStages(explain({ files: { 'pnpm-lock.yaml': '2' } }), ['manifests', 'installed', 'ui'])).toEqual([]);
  expect(uncachedStages(explain({}), [])).toEqual([]);
});
