import { afterAll, expect, inject, it } from 'vitest';
import { docker, engine, run } from '../support/command.ts';
import { buildArguments } from '../support/gateway.ts';
import { publishBase } from '../support/published-base.ts';

const IMAGE = 'openclaw-image-test:new-base';
afterAll(() => docker('image', 'rm', IMAGE));

const name = (): string => `${inject('registry')}/node:24-bookworm-slim`;

const build = async () => {
  const { exitCode, stdout } = await run([
    'build',
    ...buildArguments('small'),
    '--base',
    name(),
    '--tag',
    IMAGE,
    '--json',
  ]);
  expect(exitCode, stdout).toBe(0);
  return JSON.parse(stdout) as {
    readonly base: { readonly digest: string };
    readonly layers: readonly { readonly name: string; readonly cached: boolean }[];
    readonly stages: readonly { readonly stage: string; readonly cached: boolean }[];
  };
};

it('a new digest of the base repeats the system packages only', async () => {
  await publishBase(engine(), name(), undefined);
  const first = await build();
  await publishBase(engine(), name(), `newer ${Date.now()}`);
  const second = await build();
  expect(second.base.digest).not.toBe(first.base.digest);
  expect(second.layers.filter(({ cached }) => !cached).map((layer) => layer.name)).toEqual(['system']);
  const ran = second.stages.filter(({ cached }) => !cached).map(({ stage }) => stage);
  // The stages with-tools, with-server and runtime put finished layers on top.
  expect(ran.sort()).toEqual(['base', 'export', 'runtime', 'system', 'with-server', 'with-tools']);
});
