import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Cosign } from '@docker/actions-toolkit/lib/cosign/cosign.js';
import { execa } from 'execa';
import { satisfies } from 'semver';
import { cacheFolder } from '../cache-folder.ts';
import { WorkError } from '../problem.ts';

const PRIVATE_FOLDER = cacheFolder('cosign');
const SUPPORTED_VERSIONS = '>=3.0.0';

/** Finds cosign on the host, else installs Debian's in the cache folder. @throws WorkError if neither works */
export async function findCosign(onStep: (step: string) => void): Promise<string> {
  const privatePath = join(PRIVATE_FOLDER, 'usr/bin/cosign');
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'cosign'));
  for (const binPath of onPath.filter((path) => existsSync(path))) {
    if (await isSupported(binPath)) return binPath;
  }
  if (existsSync(privatePath)) return privatePath;
  onStep('installing cosign from Debian in the cache folder');
  const unpack = join(import.meta.dirname, '../../scripts/debian-unpack');
  const { exitCode, stderr } = await execa(unpack, ['forky', PRIVATE_FOLDER, 'cosign>=3'], { reject: false });
  if (exitCode === 0) return privatePath;
  throw new WorkError({
    kind: 'no-cosign',
    title: 'cosign is not installed, and installing it failed',
    reason: stderr.trim().split('\n').at(-1) ?? '',
    hint: 'install cosign 3 (https://docs.sigstore.dev/cosign/system_config/installation/), or publish with --sign none',
  });
}

/** The toolkit's Cosign writes `::debug::` lines to standard output, which is a result here. Source: lib/cosign/cosign.js, versionSatisfies */
async function isSupported(cosign: string): Promise<boolean> {
  const { exitCode, stdout } = await execa(cosign, ['version', '--json'], { reject: false, stdin: 'ignore' });
  const version = /"gitVersion":\s*"v?([^"]+)"/.exec(stdout)?.[1] ?? '';
  return exitCode === 0 && satisfies(version, SUPPORTED_VERSIONS, { includePrerelease: true });
}

/**
 * Runs cosign. The toolkit's Cosign has no command for signing with a key without a transparency log (lib/cosign/cosign.js), so the
 * arguments are ours.
 *
 * @returns the error message of cosign; undefined if it succeeded
 */
export async function runCosign(cosign: string, args: readonly string[]): Promise<string | undefined> {
  // cosign reads the password from its variable, and must never prompt.
  const env = { ...process.env, COSIGN_PASSWORD: process.env['COSIGN_PASSWORD'] ?? '' };
  const { exitCode, stderr } = await execa(cosign, args, { env, extendEnv: false, reject: false, stdin: 'ignore' });
  if (exitCode === 0) return undefined;
  return Cosign.getErrorMessage(stderr).replace(/^(?:error during command execution|Error): /, '');
}
