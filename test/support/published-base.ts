import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { resolveBase } from '../../build/base/resolve-base.ts';
import type { DockerCli } from '../../build/engine/docker-cli.ts';
import type { Platform } from '../../build/oci/platform.ts';

interface PublishedBaseOptions {
  readonly platforms?: readonly Platform[];
  readonly also?: string;
  readonly compression?: 'gzip' | 'zstd';
}

/**
 * Pushes the base to a registry, unchanged or with one more file, as a new Debian package would add. The name may exist in the
 * registry, but not in the engine.
 *
 * @param name `localhost:5000/node:24-bookworm-slim`
 * @param version contents of the file; undefined for an unchanged base, on which earlier builds are cached
 * @param options platforms (default: the engine's own), further lines of the Dockerfile, and the compression of all layers
 */
export async function publishBase(
  engine: DockerCli,
  name: string,
  version: string | undefined,
  { platforms = [], also = '', compression = 'gzip' }: PublishedBaseOptions = {},
): Promise<void> {
  const { context, from } = await resolveBase({
    choice: { kind: 'auto' },
    platforms,
    engine,
    builder: undefined,
    listener: { onStep: () => {}, onProgress: () => {} },
    signal: undefined,
  });
  const more = version === undefined ? [] : [`RUN echo ${version} >/etc/base-version`];
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-base-'));
  try {
    const lines = [`FROM ${from} AS base`, 'FROM base', ...more, also];
    await writeFile(join(folder, 'Dockerfile'), `${lines.join('\n')}\n`);
    const contexts = context === undefined ? [] : ['--build-context', `base=${context}`];
    const output = `type=image,name=${name},push=true,store=false,compression=${compression},force-compression=true`;
    const platformOption = platforms.length === 0 ? [] : ['--platform', platforms.join(',')];
    const run = $({ env: engine.environment });
    await run`${engine.docker} buildx build --builder=default ${platformOption} ${contexts} --output ${output} ${folder}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}
