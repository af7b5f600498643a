import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { resolveBase } from '../build/base/resolve-base.ts';
import type { Engine } from '../build/engine/engine.ts';

/**
 * Pushes the base with a file more, as a new Debian package would bring, under a name that may be taken: in the registry, and
 * not in the engine.
 *
 * @param name `localhost:5000/node:24-bookworm-slim`
 * @param version what the file says
 */
export async function publishBase(
  engine: Pick<Engine, 'docker' | 'environment'>,
  name: string,
  version: string,
): Promise<void> {
  const { context, from } = await resolveBase({
    choice: { kind: 'auto' },
    platforms: [],
    engine,
    builder: undefined,
    listener: { onStep: () => {}, onProgress: () => {} },
    signal: undefined,
  });
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-base-'));
  try {
    await writeFile(
      join(folder, 'Dockerfile'),
      `FROM ${from} AS base\nFROM base\nRUN echo ${version} >/etc/base-version\n`,
    );
    const contexts = context === undefined ? [] : ['--build-context', `base=${context}`];
    const output = `type=image,name=${name},push=true,store=false`;
    await execa(engine.docker, ['buildx', 'build', '--builder=default', ...contexts, '--output', output, folder], {
      env: engine.environment,
      extendEnv: false,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
