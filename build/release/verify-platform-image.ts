import { createHash, randomBytes } from 'node:crypto';
import { isFailed } from '../check-result.ts';
import { type DockerCli, runDocker } from '../engine/docker-cli.ts';
import { readStoredAnnotations } from '../engine/stored-annotations.ts';
import { isRunning } from '../is-running.ts';
import { type ContentSource, layoutContent } from '../oci/content.ts';
import { WorkError } from '../problem.ts';
import { verifyImage } from '../verify/verify-image.ts';
import { checkRunBase } from './build-run-base.ts';
import { loadPlatformImage } from './load-platform-image.ts';
import { imageFolder, type PlatformImage } from './platform-image.ts';
import { processNamespace } from './release-lock.ts';

const REPOSITORY = 'openclaw-image-release';
/** Several hosts, or containers with process ids of their own, may use one engine. */
const HOST = createHash('sha256').update(processNamespace()).digest('hex').slice(0, 8);

/** Removes the images of killed releases of this host. */
async function removeAbandoned(cli: DockerCli): Promise<void> {
  const { stdout } = await runDocker(cli, ['image', 'ls', '--format', '{{.Tag}}', REPOSITORY]);
  const abandoned = stdout.split('\n').filter((tag) => {
    const [, host, pid] = /^[0-9a-f]{12}-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/.exec(tag) ?? [];
    return host === HOST && pid !== undefined && !isRunning(Number(pid));
  });
  for (const tag of abandoned) await runDocker(cli, ['image', 'rm', '--force', `${REPOSITORY}:${tag}`]);
}

/**
 * Boots exactly the image that will be published, and checks it against the contract.
 *
 * @param folder with the images of this release
 * @returns names of the passed checks
 * @throws WorkError if a check fails
 */
export const verifyPlatformImage = (
  cli: DockerCli,
  folder: string,
  built: PlatformImage,
  onStep: (step: string) => void,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> =>
  withLoadedImage(cli, folder, built, async (reference, content) => {
    const { image, platform, index } = built;
    // The digest was checked after loading, so the documents in the folder describe the loaded image.
    const readDocument = () => readStoredAnnotations(index.digest, content.document);
    const onCheck = (check: string): void => onStep(`verifying ${image} for ${platform}: ${check}`);
    const { results } = await verifyImage(cli, { reference, platform, readDocument }, onCheck, signal);
    const failures = results.filter(isFailed);
    if (failures.length === 0) return results.map((result) => result.name);
    throw new WorkError({
      kind: 'contract',
      title: 'The image fails its contract',
      reason: failures.map((result) => `${result.name}: ${result.found}`).join('; '),
      hint: `build and check it on this host: scripts/run build, then scripts/run verify openclaw:local --platform ${platform}; nothing was tagged`,
    });
  });

/** Checks exactly the run base that will be published, as `verifyPlatformImage` does an image of the gateway. */
export const verifyRunBase = (
  cli: DockerCli,
  folder: string,
  built: PlatformImage,
  onStep: (step: string) => void,
): Promise<readonly string[]> =>
  withLoadedImage(cli, folder, built, (name) => {
    onStep(`checking the run base for ${built.platform}`);
    return checkRunBase(cli, name, built.platform);
  });

/** Loads an image of a release into the engine under a new name, and removes it afterwards. */
async function withLoadedImage<T>(
  cli: DockerCli,
  folder: string,
  built: PlatformImage,
  use: (name: string, content: ContentSource) => Promise<T>,
): Promise<T> {
  const { index } = built;
  await removeAbandoned(cli);
  // Other releases on this engine have other names, also of the same image.
  const name = `${REPOSITORY}:${index.digest.slice('sha256:'.length, 19)}-${HOST}-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const content = layoutContent(imageFolder(folder, built));
    await loadPlatformImage(cli, content, index, name);
    return await use(name, content);
  } finally {
    await runDocker(cli, ['image', 'rm', '--force', name]);
  }
}
