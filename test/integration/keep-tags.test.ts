import { beforeEach, describe, expect, it } from 'vitest';
import { keepTags } from '../../build/image/keep-tags.ts';
import type { PreparedBuild } from '../../build/image/prepared-build.ts';
import { docker, engine, inImage } from '../support/command.ts';
import { SMALL_IMAGE } from '../support/gateway.ts';

const NAME = 'openclaw-image-test:kept';
const builds = [{ plan: { spec: { destination: { kind: 'load' } } }, names: [NAME] } as unknown as PreparedBuild];

const idOf = async (name: string): Promise<string> =>
  (await docker('image', 'inspect', name, '--format', '{{.Id}}')).stdout;

const namesOf = async (name: string): Promise<readonly string[]> =>
  JSON.parse((await docker('image', 'inspect', name, '--format', '{{json .RepoTags}}')).stdout);

/** Moves the name to another image, as BuildKit does. The engine may then delete the image that had it. */
const moveName = () => docker('tag', SMALL_IMAGE, NAME);
const fail = async (): Promise<never> => {
  await moveName();
  throw new Error('no space left on device');
};

describe('the names of a build', () => {
  beforeEach(async () => void (await docker('image', 'rm', NAME)));

  it('name the earlier image if the build fails after it moved them, and that image is complete', async () => {
    const { stdout: container } = await docker('create', SMALL_IMAGE);
    await docker('commit', container, NAME);
    await docker('rm', container);
    const before = await idOf(NAME);
    await expect(keepTags(builds, engine(), fail)).rejects.toThrow('no space left');
    expect(await idOf(NAME)).toBe(before);
    expect((await inImage(NAME, 'openclaw --version')).exitCode).toBe(0);
    expect(await namesOf(NAME)).toEqual([NAME]);
  });

  it('do not exist if the build fails and they did not exist before', async () => {
    await expect(keepTags(builds, engine(), fail)).rejects.toThrow('no space left');
    expect((await docker('image', 'inspect', NAME)).exitCode).not.toBe(0);
  });

  it('name the new image after the build, and the earlier image has no backup tag', async () => {
    await docker('tag', SMALL_IMAGE, NAME);
    const { stdout: container } = await docker('create', SMALL_IMAGE);
    await keepTags(builds, engine(), () => docker('commit', container, NAME));
    await docker('rm', container);
    expect(await idOf(NAME)).not.toBe(await idOf(SMALL_IMAGE));
    expect(await namesOf(NAME)).toEqual([NAME]);
    expect(await namesOf(SMALL_IMAGE)).not.toContainEqual(expect.stringContaining('openclaw-image-before'));
    await docker('image', 'rm', NAME);
  });
});
