import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { statementAbout } from '../../build/attest/attestation.ts';
import { cachedFolder } from '../../build/gateway/cached-package.ts';
import { lockDependencies } from '../../build/gateway/dependency-lock.ts';
import { readNpmOptions } from '../../build/gateway/npm.ts';
import { INPUTS_PREDICATE, readRecordedInputs } from '../../build/release/recorded-inputs.ts';

it('locks the dependencies of a published image in its versions, although npm has newer ones', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-lock-'));
  const lock = async (lockfile?: string): Promise<string> => {
    const manifest = {
      name: 'x',
      version: '1.0.0',
      private: true,
      dependencies: { ms: '^2.1.1' },
      optionalDependencies: {},
    } as const;
    await lockDependencies(manifest, folder, await readNpmOptions(undefined), lockfile);
    return readFile(join(folder, 'package-lock.json'), 'utf8');
  };
  try {
    const newest = await lock();
    expect(newest).toContain('"version": "2.1.3"');
    const ms = {
      ...{ version: '2.1.2', license: 'MIT' },
      integrity: 'sha512-sGkPx+VjMtmA6MX27oA4FBFELFCZZ4S4XqeGOXCv68tT+jb3vk/RyaKWP0PTKyWtmLSM0b+adUTEvbs1PEaH2w==',
    };
    const older = JSON.parse(newest) as { readonly packages: object };
    const lockfile = { ...older, packages: { ...older.packages, 'node_modules/ms': ms } };
    const manifest = { mediaType: '', digest: `sha256:${'1'.repeat(64)}`, size: 1 };
    const predicate = { extensions: [], browser: 'none', plugins: [], lockfile };
    const { locked } = readRecordedInputs(statementAbout(manifest, INPUTS_PREDICATE, predicate), 'an image');
    expect(JSON.parse(await lock(locked.lockfile))).toEqual(lockfile);
    // The author of the statement must not decide what the next build of another version starts from: it looks for VERSION-KEY.
    const resolved = { selector: 'openclaw@2026.9.6', version: '2026.9.6', integrity: 'sha512-x' };
    expect(basename(cachedFolder('gateways', resolved))).toMatch(/^2026\.9\.6-[0-9a-f]{16}$/);
    expect(basename(cachedFolder('gateways', { ...resolved, lockfile: 'a lockfile' }))).toMatch(/-recorded$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
