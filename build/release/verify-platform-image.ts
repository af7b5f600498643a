import { randomBytes } from 'node:crypto';
import { isFailed } from '../check-result.ts';
import { type DockerCli, runDocker } from '../engine/docker-cli.ts';
import { readImageDocument } from '../engine/image-document.ts';
import { layoutContent } from '../oci/content.ts';
import { WorkError } from '../problem.ts';
import { verifyImage } from '../verify/verify-image.ts';
import { loadPlatformImage } from './load-platform-image.ts';
import { imageFolder, type PlatformImage } from './platform-image.ts';

/**
 * Boots exactly the image that will be published, and checks it against the contract.
 *
 * @param folder with the images of this release
 * @returns names of the passed checks
 * @throws WorkError if a check fails
 */
export async function verifyPlatformImage(
  cli: DockerCli,
  folder: string,
  built: PlatformImage,
  onStep: (step: string) => void,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { image, platform, index } = built;
  // Other releases on this engine have other names, also of the same image.
  const name = `openclaw-image-release:${index.digest.slice('sha256:'.length, 19)}-${randomBytes(4).toString('hex')}`;
  try {
    const content = layoutContent(imageFolder(folder, built));
    await loadPlatformImage(cli, content, index, name);
    // The digest was checked after loading, so the documents in the folder describe the loaded image.
    const readDocument = () => readImageDocument(index.digest, content.document);
    const onCheck = (check: string): void => onStep(`verifying ${image} for ${platform}: ${check}`);
    const { results } = await verifyImage(cli, { reference: name, platform, readDocument }, onCheck, signal);
    const failures = results.filter(isFailed);
    if (failures.length === 0) return results.map((result) => result.name);
    throw new WorkError({
      kind: 'contract',
      title: 'The image fails its contract',
      reason: failures.map((result) => `${result.name}: ${result.found}`).join('; '),
      hint: `build and check it on this host: scripts/run build, then scripts/run verify openclaw:local --platform ${platform}; nothing was tagged`,
    });
  } finally {
    await runDocker(cli, ['image', 'rm', '--force', name]);
  }
}
