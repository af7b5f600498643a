import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { resolveBase } from '../../build/base/resolve-base.ts';
import { docker, engine, run } from '../command.ts';

const IMAGE = 'openclaw-image-test:new-base';
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-new-base-'));
});
afterAll(async () => {
  await docker('image', 'rm', IMAGE);
  await rm(folder, { recursive: true });
});

const name = (): string => `${inject('registry')}/node:24-bookworm-slim`;

/** The base with a file more, as a new Debian package would bring, under the name that it had. */
async function publish(version: string): Promise<void> {
  const { context, from } = await resolveBase({
    choice: { kind: 'auto' },
    platforms: [],
    engine: engine(),
    builder: undefined,
    listener: { onStep: () => {}, onProgress: () => {} },
    signal: undefined,
  });
  const file = join(folder, 'Dockerfile');
  await writeFile(file, `FROM ${from} AS base\nFROM base\nRUN echo ${version} >/etc/base-version\n`);
  const contexts = context === undefined ? [] : ['--build-context', `base=${context}`];
  // In the registry, and not in the engine.
  const output = `type=image,name=${name()},push=true,store=false`;
  const { exitCode, stderr } = await docker(
    ...['buildx', 'build', ...contexts, '--file', file, '--output', output, folder],
  );
  expect(exitCode, stderr).toBe(0);
}

const build = async () => {
  const { exitCode, stdout } = await run(['build', '--base', name(), '--tag', IMAGE, '--json']);
  expect(exitCode, stdout).toBe(0);
  return JSON.parse(stdout) as {
    readonly base: { readonly digest: string };
    readonly layers: readonly { readonly name: string; readonly cached: boolean }[];
    readonly stages: readonly { readonly stage: string; readonly cached: boolean }[];
  };
};

it('repeats the system packages on a new digest of the base, and nothing that is above them', async () => {
  await publish(`first ${Date.now()}`);
  const first = await build();
  await publish(`second ${Date.now()}`);
  const second = await build();
  expect(second.base.digest).not.toBe(first.base.digest);
  expect(second.layers.filter(({ cached }) => !cached).map((layer) => layer.name)).toEqual(['system']);
  const ran = second.stages.filter(({ cached }) => !cached).map(({ stage }) => stage);
  expect(ran.sort()).toEqual(['base', 'export', 'runtime', 'system']);
});
