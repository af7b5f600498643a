import { expect, it } from 'vitest';
import { readStages } from '../../../build/dockerfile/stage-graph.ts';

const FILE = `ARG APT="jq"
ARG BROWSER=""
ARG KIND="debian"
FROM node:24 AS base
FROM base AS tools
RUN echo tools
FROM base AS unused
RUN exit 1
FROM scratch AS manifests
COPY package.json pnpm-lock.yaml /
COPY --chmod=644 ui/package.json /ui/
FROM tools AS built
COPY src ./src
RUN --mount=from=manifests,target=/m --mount=type=cache,target=/c <<'SH'
make
SH
FROM base AS base-with-debian
FROM base\${BROWSER:+-with-\${KIND}} AS equipped
ARG APT
RUN apt install $APT
FROM equipped AS runtime
COPY --link --from=built /out /
LABEL a=b
`;

it('finds the stages that the last one needs, and their inputs', () => {
  const stages = readStages(FILE, []);
  expect(stages.map(({ name, from }) => [name, from])).toEqual([
    ['base', 'node:24'],
    ['tools', 'base'],
    ['manifests', 'scratch'],
    ['built', 'tools'],
    ['equipped', 'base'],
    ['runtime', 'equipped'],
  ]);
  const of = (name: string) => stages.find((stage) => stage.name === name);
  expect(of('manifests')?.instructions.flatMap(({ paths }) => paths)).toEqual([
    'package.json',
    'pnpm-lock.yaml',
    'ui/package.json',
  ]);
  expect(of('built')?.instructions).toEqual([
    { text: 'COPY src ./src', stages: [], paths: ['src'] },
    {
      text: "RUN --mount=from=manifests,target=/m --mount=type=cache,target=/c <<'SH'\nmake\nSH",
      stages: ['manifests'],
      paths: [],
    },
  ]);
  expect(of('equipped')?.arguments).toEqual({ APT: 'jq' });
  expect(of('runtime')?.instructions[0]?.stages).toEqual(['built']);
});

it('expands arguments in FROM', () => {
  const stages = readStages(FILE.replace('BROWSER=""', 'BROWSER="1"'), []);
  expect(stages.find(({ name }) => name === 'equipped')?.from).toBe('base-with-debian');
  expect(stages.map(({ name }) => name)).toContain('base-with-debian');
});

it('ignores the inputs of a stage that a build context replaces', () => {
  const names = readStages(FILE, ['built']).map(({ name }) => name);
  expect(names).toEqual(['base', 'equipped', 'runtime']);
});

it('takes no word of a here-document for a path', () => {
  const file = `FROM scratch AS helpers
COPY <<'SH' /prelude.sh
# read src and docs
set -eu
SH
COPY LICENSE /
`;
  const [helpers] = readStages(file, []);
  expect(helpers?.instructions.map(({ text, paths }) => [text.split('\n')[1], paths])).toEqual([
    ['# read src and docs', []],
    [undefined, ['LICENSE']],
  ]);
});
