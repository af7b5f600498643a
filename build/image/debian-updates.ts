import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HELPERS } from '../dockerfile/helpers.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import type { Stage } from '../dockerfile/stage.ts';
import { APT_MOUNTS, run } from '../dockerfile/step.ts';
import { build } from '../engine/buildx.ts';
import type { Platform } from '../oci/platform.ts';
import { printable } from '../printable.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { planKey } from './build-plan.ts';
import { prepareBuild } from './prepared-build.ts';
import type { BuildContext } from './resolve-contexts.ts';

/** A Debian package of an image, of which Debian serves a newer version. */
export interface DebianUpdate {
  readonly name: string;
  readonly installed: string;
  readonly available: string;
  /** Whether the newer version comes from Debian's security suite. */
  readonly security: boolean;
  /** Whether the base has the same version: then only a newer base changes it. */
  readonly ofBase: boolean;
}

/** `Inst curl [7.88.1-10+deb12u8] (7.88.1-10+deb12u14 Debian-Security:12/oldstable-security [amd64])`. Source: apt-get(8), --simulate */
const STEP = /^Inst (\S+) \[(\S+)\] \((\S+) (.*?) ?\[\w+\]\)/;

/**
 * Reads what `apt-get --simulate dist-upgrade` would do in an image and in its base.
 *
 * @returns the packages that have a newer version: first those of the security suite, then by name
 */
export function parseUpdates(image: string, base: string): readonly DebianUpdate[] {
  const steps = (text: string) =>
    text.split('\n').flatMap((line) => {
      const [, name, installed, available, suites = ''] = STEP.exec(line) ?? [];
      if (name === undefined || installed === undefined || available === undefined) return [];
      const security = /-security\b/i.test(suites);
      return [{ name: printable(name), installed: printable(installed), available: printable(available), security }];
    });
  const ofBase = new Set(steps(base).map(({ name, installed }) => `${name} ${installed}`));
  return steps(image)
    .map((step) => ({ ...step, ofBase: ofBase.has(`${step.name} ${step.installed}`) }))
    .sort(bySecurity);
}

/** Security fixes first, then by name. */
export const bySecurity = (one: DebianUpdate, other: DebianUpdate): number =>
  Number(other.security) - Number(one.security) || (one.name < other.name ? -1 : 1);

/** `curl 7.88.1-10+deb12u8 → 7.88.1-10+deb12u14 (security)`. */
export const updateText = ({ name, installed, available, security }: DebianUpdate): string =>
  `${name} ${installed} → ${available}${security ? ' (security)' : ''}`;

/** @param nonce a text that no other request has. It is in the answer too: BuildKit takes the copy of an equal one from its cache. */
const upgradeStage = (name: string, from: string, why: string, nonce: string): Stage => ({
  name,
  from,
  why,
  body: `USER 0
${run(APT_MOUNTS, `apt_quiet update\n{ echo '# ${nonce}'; LC_ALL=C apt_quiet --simulate dist-upgrade; } >/upgrade`)}`,
});

/** An image whose packages Debian may have in newer versions. */
export interface UpdateRequest {
  /** `ghcr.io/openclaw/openclaw@sha256:…` */
  readonly image: string;
  /** Its base, by digest; the image itself if it is a base. */
  readonly base: string;
  /** Undefined: that of the engine. */
  readonly platform?: Platform | undefined;
}

/**
 * Asks Debian for newer versions of the packages in an image. apt itself answers, in the image: it knows the image's suites, and checks
 * their signatures. Changes nothing.
 *
 * @param ca path of a PEM file with extra certificate authorities
 * @throws WorkError if the engine cannot fetch the images, or the suites cannot be read
 */
export const findUpdates = (
  { image, base, platform }: UpdateRequest,
  ca: string | undefined,
  { cli, builder, listener, signal }: BuildContext,
): Promise<readonly DebianUpdate[]> =>
  withTemporaryFolder('updates', async (folder) => {
    const nonce = `${new Date().toISOString()} ${randomUUID()}`;
    const dockerfile = renderDockerfile({
      parameters: [],
      stages: [
        HELPERS,
        upgradeStage('base', base, 'The packages of the base that Debian has in newer versions.', nonce),
        upgradeStage('installed', image, 'The packages of the image that Debian has in newer versions.', nonce),
        {
          name: 'answers',
          from: 'scratch',
          why: 'Both answers.',
          body: 'COPY --from=base /upgrade /base\nCOPY --from=installed /upgrade /image',
        },
      ],
    });
    const { request } = await prepareBuild(
      {
        spec: {
          ...parseImageSpec({}, {}).spec,
          ...(platform === undefined ? {} : { platforms: [platform] }),
          ...{ tags: [], destination: { kind: 'output', value: `type=local,dest=${folder}` }, ca },
        },
        base: { kind: 'reference', name: base, digest: '', from: base, context: undefined, warning: [] },
        dockerfile,
        contexts: {},
        layers: [],
        annotations: {},
        created: undefined,
        annotationArguments: {},
        key: planKey([dockerfile]),
      },
      builder,
    );
    // Without BUILDKIT_MULTI_PLATFORM, which would put the files into a folder for the platform.
    await build(cli, { ...request, arguments: {} }, listener.onProgress, signal);
    const [answer, ofBase] = await Promise.all(['image', 'base'].map((name) => readFile(join(folder, name), 'utf8')));
    return parseUpdates(answer ?? '', ofBase ?? '');
  });
