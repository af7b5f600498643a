// @module-tag nightly
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { docker, inImage, run } from '../support/command.ts';

const NAME = 'openclaw-image-test:bake';
const VARIANTS = [NAME, `${NAME}-slim`, `${NAME}-browser`];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bake-'));
});
afterAll(async () => {
  await docker('image', 'rm', ...VARIANTS);
  await rm(folder, { recursive: true });
});

const layersOf = async (name: string) =>
  (await docker('image', 'inspect', name, '--format', '{{json .RootFS.Layers}}')).stdout;

describe('image:bake', () => {
  it('builds the variants in one session, each with its names', async () => {
    const args = ['bake', '--browser', 'debian', '--tag', NAME, '--file', join(folder, 'docker-bake.json'), '--json'];
    const { exitCode, stdout, stderr } = await run(args);
    expect(exitCode, stderr).toBe(0);
    const { targets } = JSON.parse(stdout);
    expect(targets.default.names).toEqual([NAME, `${NAME}-slim`]);
    expect(targets.browser.names).toEqual([`${NAME}-browser`]);
    for (const name of VARIANTS) expect((await docker('image', 'inspect', name)).exitCode).toBe(0);
    expect((await inImage(`${NAME}-browser`, 'chromium --version')).stdout).toContain('Chromium');
    expect((await inImage(NAME, 'command -v chromium')).exitCode).not.toBe(0);
  });

  it('writes a file that plain docker buildx bake reads, with the same layers as result', async () => {
    const before = await Promise.all(VARIANTS.map(layersOf));
    await docker('image', 'rm', ...VARIANTS);
    const { docker: command, host } = inject('engine');
    await execa(command, ['buildx', 'bake', '--allow=fs=*', '--file', 'docker-bake.json'], {
      cwd: folder,
      env: { DOCKER_HOST: host },
    });
    expect(await Promise.all(VARIANTS.map(layersOf))).toEqual(before);
    expect(await readFile(join(folder, 'docker-bake.json'), 'utf8')).toContain('"group"');
  });

  it('refuses an unknown variant, and one file for several images, together', async () => {
    const { exitCode, stderr } = await run(['bake', '--variants', 'default,huge', '--output', 'type=oci,dest=x.tar']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--variants: "huge" is not a variant');
    expect(stderr).toContain('--output: "type=oci,dest=x.tar"');
  });
});
