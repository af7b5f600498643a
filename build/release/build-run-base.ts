import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { major } from 'semver';
import { resolveBase } from '../base/resolve-base.ts';
import { runBaseDockerfile } from '../dockerfile/run-base.ts';
import { ANNOTATION_ARGUMENTS } from '../dockerfile/runtime-stage.ts';
import { SYSTEM_PACKAGES } from '../dockerfile/system-stages.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { runDocker } from '../engine/docker-cli.ts';
import { type BuildPlan, planKey } from '../image/build-plan.ts';
import { DOCUMENTATION } from '../image/image-annotations.ts';
import { runBuild } from '../image/run-build.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import type { Platform } from '../oci/platform.ts';
import { requestError, WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { bootstrappedBase, finishImage, type ReleaseBuildContext } from './build-images.ts';
import { type ImageSource, imageFolder, type PlatformImage } from './platform-image.ts';
import type { Release } from './release.ts';

/** This project: the sources of a run base. */
export const RUN_BASE_SOURCE = 'https://github.com/openclaw/openclaw-image';

/** A run base to build. */
export interface RunBaseRequest {
  readonly release: Pick<Release, 'name' | 'ref' | 'node'>;
  /** Its base, certificates and compression. */
  readonly spec: ImageSpec;
  /** Commit of this project. */
  readonly revision: string;
  /** The day of Debian's packages: `2026-04-01`. */
  readonly day: string;
}

/** Builds a run base on this host. @param openContext called when a build is needed: it may start an engine */
export const builtRunBase = (
  request: RunBaseRequest,
  openContext: () => Promise<ReleaseBuildContext>,
): ImageSource => ({ build: async (platform) => [await buildRunBase(request, platform, await openContext())] });

/** @throws RequestError for a base with another Node; WorkError if the build fails */
async function buildRunBase(
  { release, spec, revision, day }: RunBaseRequest,
  platform: Platform,
  context: ReleaseBuildContext,
): Promise<PlatformImage> {
  const { cli, builder, folder, builderId, listener, signal } = context;
  const base = await resolveBase({ choice: spec.base, platforms: [platform], engine: cli, builder, listener, signal });
  if (base.kind === 'bootstrap') throw bootstrappedBase();
  if (major(base.nodeVersion) !== release.node)
    throw requestError(
      '--ref',
      release.ref,
      `is not for ${base.name}, which has Node ${base.nodeVersion}`,
      `release base/${major(base.nodeVersion)}, or name another base: --base`,
    );
  const layout = imageFolder(folder, { image: 'default', platform });
  await rm(layout, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const created = new Date(day);
  const dockerfile = runBaseDockerfile(base.from);
  const plan: BuildPlan = {
    spec: {
      ...spec,
      ...{ tags: [], platforms: [platform], destination: { kind: 'layout', folder: layout, builderId } },
      sourceDateEpoch: created.getTime() / 1000,
    },
    base,
    dockerfile,
    packagesDate: day,
    contexts: {},
    layers: [],
    annotations: {
      [ANNOTATION.baseName]: base.name,
      [ANNOTATION.baseDigest]: base.digest,
      [ANNOTATION.source]: RUN_BASE_SOURCE,
      [ANNOTATION.url]: RUN_BASE_SOURCE,
      [ANNOTATION.documentation]: DOCUMENTATION,
      [ANNOTATION.licenses]: 'MIT',
      [ANNOTATION.title]: 'OpenClaw run base',
      [ANNOTATION.description]: `Node ${base.nodeVersion}, and the Debian packages of OpenClaw images as of ${day}`,
      [ANNOTATION.version]: release.name,
      [ANNOTATION.revision]: revision,
    },
    created,
    annotationArguments: ANNOTATION_ARGUMENTS,
    key: planKey([dockerfile, base.digest, platform, day]),
  };
  listener.onStep(`building ${release.name} for ${platform}`);
  const file = join(folder, `docker-bake-${release.name}-${platform.replace('/', '-')}.json`);
  const { image } = await runBuild({ image: plan }, context, file).finally(() => rm(file, { force: true }));
  return finishImage('default', platform, image?.digest ?? '', undefined, context);
}

/** Runs in the image, and fails if a package or a program is missing. */
const CHECKS: Readonly<Record<string, string>> = {
  node: 'node --version && npm --version',
  packages: `dpkg-query --show ${SYSTEM_PACKAGES.join(' ')}`,
  programs: 'tini --version && git --version && curl --version && python3 --version',
  user: '[ "$(id -u node)" = 1000 ]',
};

/**
 * Checks a run base in the engine.
 *
 * @param name of the image in the engine
 * @returns names of the passed checks
 * @throws WorkError if a check fails
 */
export async function checkRunBase(cli: DockerCli, name: string, platform: Platform): Promise<readonly string[]> {
  const options = ['--rm', '--platform', platform, '--network', 'none', '--entrypoint', 'sh', name];
  for (const [check, line] of Object.entries(CHECKS)) {
    const { exitCode, stderr } = await runDocker(cli, ['run', ...options, '-c', line]);
    if (exitCode === 0) continue;
    throw new WorkError({
      kind: 'contract',
      title: 'The run base fails its checks',
      reason: `${check}: ${stderr.trim().split('\n').at(-1)}`,
      hint: 'name another base: --base node:24-bookworm-slim; nothing was tagged',
    });
  }
  return Object.keys(CHECKS);
}
