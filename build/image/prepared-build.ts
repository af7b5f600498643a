import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';
import { PACKAGES_DATE } from '../dockerfile/system-stages.ts';
import { attestationsOf, cacheTargets, outputOf } from '../engine/build-outputs.ts';
import { type BuildRequest, type BuildSecret, PROXY_VARIABLES } from '../engine/buildx.ts';
import { npmSecret, readNpmOptions } from '../gateway/npm.ts';
import type { Annotations } from '../oci/annotations.ts';
import { familiarReference } from '../oci/reference.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { BuildPlan, GatewayBuildPlan } from './build-plan.ts';
import { type BuildRecord, readBuildRecord } from './build-record.ts';
import { assertAnnotations, createdAnnotation } from './image-annotations.ts';

/** A plan with everything that buildx needs. */
export interface PreparedBuild {
  readonly plan: BuildPlan | GatewayBuildPlan;
  readonly names: readonly string[];
  readonly annotations: Annotations;
  /** Record of an earlier build with the same contents, or a new one. */
  readonly record: BuildRecord;
  readonly request: BuildRequest;
  /** Path of the archive, if the engine loads the image from one. */
  readonly archive: string;
}

export const isGatewayPlan = (plan: BuildPlan | GatewayBuildPlan): plan is GatewayBuildPlan => 'gateway' in plan;

/** Writes the Dockerfile of a plan, and makes the request for buildx. @throws WorkError if an annotation is missing */
export async function prepareBuild(
  plan: BuildPlan | GatewayBuildPlan,
  builder: string | undefined,
): Promise<PreparedBuild> {
  const { spec, key } = plan;
  const record = await readBuildRecord(key);
  const created = plan.created === 'first-build' ? new Date(record.created) : plan.created;
  const annotations = { ...plan.annotations, ...(created === undefined ? {} : createdAnnotation(created)) };
  // An earlier build with the same contents had the same annotations, and they were valid.
  if (isGatewayPlan(plan) && record.digests.length === 0) await assertAnnotations(annotations, plan.gateway);
  const names = spec.tags.map(familiarReference);
  const folder = cacheFolder('builds', key);
  const context = plan.context?.folder ?? join(folder, 'context');
  await mkdir(plan.context === undefined ? context : folder, { recursive: true });
  // BuildKit prefers this file to a .dockerignore in the context.
  if (plan.context?.ignore !== undefined) await writeFile(join(folder, 'Dockerfile.dockerignore'), plan.context.ignore);
  await writeFile(join(folder, 'Dockerfile'), plan.dockerfile);
  const archive = join(folder, `image-${process.pid}.tar`);
  const request: BuildRequest = {
    dockerfile: join(folder, 'Dockerfile'),
    ...(plan.target === undefined ? {} : { target: plan.target }),
    context,
    contexts: plan.contexts,
    arguments: {
      // Makes an index even for one platform: a registry's page reads the annotations of the index.
      BUILDKIT_MULTI_PLATFORM: '1',
      ...(plan.packagesDate === undefined ? {} : { [PACKAGES_DATE]: plan.packagesDate }),
      ...Object.fromEntries(
        Object.entries(plan.annotationArguments).map(([name, argument]) => [argument, annotations[name] ?? '']),
      ),
    },
    passedArguments: passedArguments(plan),
    secrets: await secretsOf(spec),
    // A release writes its tags itself, after all checks.
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
  return { plan, request, names, annotations, record, archive };
}

/** Variables of this host that steps need. Docker keeps proxies out of image and cache. */
const passedArguments = ({ dockerfile }: BuildPlan): readonly string[] =>
  [
    ...PROXY_VARIABLES,
    ...(dockerfile.includes('ARG PLAYWRIGHT_DOWNLOAD_HOST') ? ['PLAYWRIGHT_DOWNLOAD_HOST'] : []),
  ].filter((name) => process.env[name] !== undefined);

async function secretsOf(spec: ImageSpec): Promise<readonly BuildSecret[]> {
  const npm = await readNpmOptions(spec.ca);
  const npmrc = await npmSecret(npm, 'registry and tokens');
  const registry = await npmSecret(npm, 'registry');
  const index = process.env['PIP_INDEX_URL'];
  return [
    ...(spec.ca === undefined ? [] : [{ id: 'ca', file: spec.ca }]),
    ...(npmrc === undefined ? [] : [{ id: 'npmrc', variable: 'OPENCLAW_IMAGE_NPMRC', value: npmrc }]),
    ...(registry === undefined
      ? []
      : [{ id: 'npm_registry', variable: 'OPENCLAW_IMAGE_NPM_REGISTRY', value: registry }]),
    ...(index === undefined || spec.pipPackages.length === 0
      ? []
      : [{ id: 'pip_index_url', variable: 'PIP_INDEX_URL', value: index }]),
  ];
}
