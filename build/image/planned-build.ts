import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';
import { ANNOTATION_ARGUMENTS } from '../dockerfile/runtime-stage.ts';
import type { BuildRequest, BuildSecret } from '../engine/buildx.ts';
import { npmSecret } from '../gateway/npm.ts';
import type { Annotations } from '../oci/annotations.ts';
import { familiarReference } from '../oci/reference.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { assertAnnotations, imageAnnotations } from './annotations.ts';
import { type BuildRecord, readBuildRecord } from './build-record.ts';
import { attestationsOf, cacheTargets, outputOf } from './outputs.ts';
import type { Preparation } from './prepare.ts';

/** A build as buildx is asked for it. */
export interface PlannedBuild {
  readonly preparation: Preparation;
  readonly request: BuildRequest;
  readonly names: readonly string[];
  readonly annotations: Annotations;
  /** Of an earlier build with the same contents, or a new one. */
  readonly record: BuildRecord;
  /** Where the image is written when the engine is to load it from there. */
  readonly archive: string;
}

/** Proxies of the host, which steps need too. Docker knows these arguments and keeps them out of image and cache. */
export const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'FTP_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/**
 * Writes the Dockerfile, and says what buildx is to do with it.
 *
 * @throws WorkError where the gateway does not say of itself what its image must
 */
export async function planBuild(preparation: Preparation, builder: string | undefined): Promise<PlannedBuild> {
  const { spec, gateway, base, key } = preparation;
  // A build that changes nothing gives the same image; a clock in its annotations would give another one each time.
  const record = await readBuildRecord(key);
  const changed = gateway.kind === 'checkout' ? gateway.changed : record.created;
  const created = new Date(spec.sourceDateEpoch === undefined ? changed : spec.sourceDateEpoch * 1000);
  const annotations = imageAnnotations(gateway, base, created);
  // An earlier build of the same contents had the same annotations, and passed.
  if (record.digests.length === 0) await assertAnnotations(annotations, gateway);
  const names = spec.tags.map(familiarReference);
  const folder = cacheFolder('builds', key);
  const context = gateway.kind === 'checkout' ? gateway.root : join(folder, 'context');
  await mkdir(gateway.kind === 'checkout' ? folder : context, { recursive: true });
  // BuildKit prefers this to a .dockerignore in the context.
  if (gateway.kind === 'checkout') await writeFile(join(folder, 'Dockerfile.dockerignore'), gateway.ignore);
  await writeFile(join(folder, 'Dockerfile'), preparation.dockerfile);
  const archive = join(folder, `image-${process.pid}.tar`);
  const request: BuildRequest = {
    dockerfile: join(folder, 'Dockerfile'),
    context,
    contexts: preparation.contexts,
    arguments: {
      // One platform gets an index too: a registry's page reads annotations there.
      BUILDKIT_MULTI_PLATFORM: '1',
      ...Object.fromEntries(
        Object.entries(ANNOTATION_ARGUMENTS).map(([name, argument]) => [argument, annotations[name] ?? '']),
      ),
    },
    passedArguments: [...PROXY_VARIABLES, 'PLAYWRIGHT_DOWNLOAD_HOST'].filter((name) => process.env[name] !== undefined),
    secrets: await secretsOf(spec),
    // A release names what it writes when it publishes it.
    tags: spec.destination.kind === 'layout' ? [] : names,
    platforms: spec.platforms,
    outputs: [outputOf(spec, builder, archive)],
    attestations: attestationsOf(spec),
    annotations: Object.entries(annotations).flatMap(([name, value]) => [
      `manifest:${name}=${value}`,
      `index:${name}=${value}`,
    ]),
    cacheFrom: spec.cacheFrom,
    cacheTo: cacheTargets(spec),
    builder,
    sourceDateEpoch: spec.sourceDateEpoch,
    metadataFile: join(folder, `metadata-${process.pid}.json`),
  };
  return { preparation, request, names, annotations, record, archive };
}

async function secretsOf(spec: ImageSpec): Promise<readonly BuildSecret[]> {
  const npmrc = await npmSecret();
  const index = process.env['PIP_INDEX_URL'];
  return [
    ...(spec.ca === undefined ? [] : [{ id: 'ca', file: spec.ca }]),
    ...(npmrc === undefined ? [] : [{ id: 'npmrc', variable: 'OPENCLAW_IMAGE_NPMRC', value: npmrc }]),
    ...(index === undefined || spec.pipPackages.length === 0
      ? []
      : [{ id: 'pip_index_url', variable: 'PIP_INDEX_URL', value: index }]),
  ];
}
