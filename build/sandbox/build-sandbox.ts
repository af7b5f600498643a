import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootstrapListener } from '../base/bootstrap.ts';
import { resolveBase, resolveSandboxBase, suitableBase } from '../base/resolve-base.ts';
import { cacheFolder } from '../cache-folder.ts';
import { build } from '../engine/buildx.ts';
import type { Engine } from '../engine/engine.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { type StageTime, stageTimes } from '../engine/progress.ts';
import { npmSecret } from '../gateway/npm.ts';
import { loadArchive } from '../image/load-archive.ts';
import { loadsArchive, outputOf } from '../image/outputs.ts';
import { PROXY_VARIABLES } from '../image/planned-build.ts';
import { readBackPushed } from '../image/pushed-image.ts';
import { familiarReference } from '../oci/reference.ts';
import { WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { trustAuthorities } from '../trust-authorities.ts';
import { SANDBOXES, type SandboxName } from './sandbox.ts';

const DOCKERFILES = join(import.meta.dirname, '../../dockerfiles');

export interface BuiltSandbox {
  readonly names: readonly string[];
  readonly digest: string | undefined;
  /** Bytes of the compressed layers; undefined where the image is not in this engine. */
  readonly size: number | undefined;
  readonly base: { readonly kind: string; readonly name: string; readonly digest: string };
  readonly stages: readonly StageTime[];
  readonly seconds: number;
  /** Something that the user must not miss, a line each. */
  readonly warning: readonly string[];
}

/**
 * Builds one of the images in which agents run their tools.
 *
 * @param spec of which base, tags, platforms, destination, compression, caches and ca count
 * @throws WorkError that explains what failed; InterruptedError after `signal`
 */
export async function buildSandbox(
  name: SandboxName,
  spec: ImageSpec & { readonly base: { readonly kind: 'auto' | 'pinned' | 'bootstrap' } },
  engine: Pick<Engine, 'docker' | 'environment'>,
  builder: string | undefined,
  listener: BootstrapListener,
  signal: AbortSignal | undefined,
): Promise<BuiltSandbox> {
  const { target, hasNode } = SANDBOXES[name];
  const request = { engine, builder, platforms: spec.platforms, listener, signal };
  if (spec.ca !== undefined) await trustAuthorities(spec.ca);
  const choice = suitableBase(spec.base, spec.destination);
  const base = await resolveSandboxBase({ ...request, kind: choice.kind });
  const node = hasNode ? await resolveBase({ ...request, choice }) : undefined;
  const names = spec.tags.map(familiarReference);
  const folder = cacheFolder('builds', target);
  await mkdir(folder, { recursive: true });
  const archive = join(folder, `image-${process.pid}.tar`);
  const metadataFile = join(folder, `metadata-${process.pid}.json`);
  const npmrc = await npmSecret();
  const annotations = {
    'org.opencontainers.image.title': `OpenClaw ${target}`,
    'org.opencontainers.image.base.name': base.name,
    'org.opencontainers.image.base.digest': base.digest,
  };
  listener.onStep(`building ${names.join(', ')}`);
  try {
    const { digest, progress, seconds } = await build(
      engine,
      {
        dockerfile: join(DOCKERFILES, 'sandbox.Dockerfile'),
        target,
        context: join(DOCKERFILES, 'sandbox'),
        contexts: {
          ...(base.context === undefined ? {} : { debian: base.context }),
          ...(node?.context === undefined ? {} : { node: node.context }),
        },
        arguments: { BUILDKIT_MULTI_PLATFORM: '1' },
        passedArguments: PROXY_VARIABLES.filter((one) => process.env[one] !== undefined),
        secrets: [
          ...(spec.ca === undefined ? [] : [{ id: 'ca', file: spec.ca }]),
          ...(npmrc === undefined ? [] : [{ id: 'npmrc', variable: 'OPENCLAW_IMAGE_NPMRC', value: npmrc }]),
        ],
        tags: names,
        platforms: spec.platforms,
        outputs: [outputOf(spec, builder, archive)],
        attestations: [],
        annotations: Object.entries(annotations).flatMap(([key, value]) => [
          `manifest:${key}=${value}`,
          `index:${key}=${value}`,
        ]),
        cacheFrom: [],
        cacheTo: [],
        builder,
        sourceDateEpoch: spec.sourceDateEpoch,
        metadataFile,
      },
      listener.onProgress,
      signal,
    );
    if (loadsArchive(spec, builder)) await loadArchive(engine, archive, signal);
    if (spec.destination.kind === 'push') await readBackPushed(names, engine, builder, digest);
    const image = spec.destination.kind === 'load' ? await inspectLocalImage(engine, names[0] ?? '') : undefined;
    if (spec.destination.kind === 'load' && image?.digest !== digest) {
      throw new WorkError({
        kind: 'read-back',
        title: 'The image in the engine is not the one that was built',
        reason: `${names[0]} is ${image?.digest ?? 'not there'}, and the build made ${digest}`,
        wayOut: 'something else moved the tag meanwhile: build again',
      });
    }
    const { kind, name: baseName, digest: baseDigest } = base;
    return {
      names,
      digest,
      size: image?.size,
      base: { kind, name: baseName, digest: baseDigest },
      stages: stageTimes(progress),
      seconds,
      warning: base.warning,
    };
  } finally {
    await Promise.all([archive, metadataFile].map((file) => rm(file, { force: true })));
  }
}
