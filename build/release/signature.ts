import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Cosign } from '@docker/actions-toolkit/lib/cosign/cosign.js';
import { execa } from 'execa';
import { cacheFolder } from '../cache-folder.ts';
import { registryContent } from '../oci/content.ts';
import { copyContent } from '../oci/copy-content.ts';
import { atDigest, type Registry, type Repository } from '../oci/registry.ts';
import { registryCertificates } from '../oci/registry-certificates.ts';
import { RequestError, WorkError } from '../problem.ts';
import type { PublishedCheck } from './published-checks.ts';

/** Signs what is published. */
export interface Signer {
  readonly sign: (repository: Repository, digest: string) => Promise<void>;
  /** Brings the signature of an image to another repository that has the same image. */
  readonly copy: (registry: Registry, from: Repository, to: Repository, digest: string) => Promise<void>;
}

/** Keyless: the identity of a workflow, by its OpenID Connect token. Key: what cosign takes for one. */
export type Signing = { readonly kind: 'keyless' } | { readonly kind: 'key'; readonly key: string };

/** Whose signature is good. */
export type Trust =
  | { readonly kind: 'keyless'; readonly identity: string; readonly issuer: string }
  | { readonly kind: 'key'; readonly file: string };

/**
 * @param text of `--sign`
 * @returns undefined where nothing is to be signed
 * @throws RequestError where there is no such key
 */
export function parseSigning(text: string | undefined, environment = process.env): Signing | undefined {
  const asked = text ?? (environment['GITHUB_ACTIONS'] === 'true' ? 'keyless' : 'none');
  if (asked === 'none') return undefined;
  if (asked === 'keyless') return { kind: 'keyless' };
  const variable = /^env:\/\/(\w+)$/.exec(asked)?.[1];
  // A key service of cosign's (awskms://, hashivault://) is its own business.
  const isThere =
    variable === undefined ? asked.includes('://') || existsSync(asked) : environment[variable] !== undefined;
  if (isThere) return { kind: 'key', key: asked };
  throw new RequestError([
    {
      source: '--sign',
      value: asked,
      reason: variable === undefined ? 'there is no such file' : `the variable ${variable} is not set`,
      wayOut: 'make a key with: cosign generate-key-pair; or give keyless (in a workflow) or none',
    },
  ]);
}

/** Nobody's log and nobody's clock: who has the public key needs neither. Source: cosign signing-config create, trusted-root create. */
const OFFLINE = {
  'signing-config': {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    rekorTlogConfig: {},
    tsaConfig: {},
  },
  'trusted-root': { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
} as const;

/** @returns undefined where nothing is to be signed */
export async function cosignSigner(
  signing: Signing | undefined,
  onStep: (step: string) => void,
): Promise<Signer | undefined> {
  if (signing === undefined) return undefined;
  const cosign = await findCosign(onStep);
  return {
    sign: async (repository, digest) => {
      const image = atDigest(repository, digest);
      const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-sign-'));
      try {
        const trust = await ownTrust(cosign, signing, folder);
        // cosign adds a signature each time; one of ours is enough.
        if ((await verifySignature(repository, digest, trust, onStep)).passed) return;
        const how = signing.kind === 'keyless' ? [] : ['--key', signing.key, ...(await writeOffline(folder))];
        const { exitCode, stderr } = await runCosign(cosign, repository, ['sign', '--yes', ...how, image]);
        if (exitCode !== 0) throw signingFailed(image, errorMessage(stderr));
        const { passed, found } = await verifySignature(repository, digest, trust, onStep);
        if (!passed) throw signingFailed(image, `it was signed, and that is not seen: ${found}`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    copy: async (registry, from, to, digest) => {
      const tag = signatureTag(digest);
      const signatures = await registry.document(from, tag);
      if (signatures === undefined) throw signingFailed(atDigest(from, digest), `there is no ${tag}`);
      await copyContent(registryContent(registry, from), signatures.descriptor, registry, to);
      await registry.putDocument(to, tag, signatures);
    },
  };
}

/** Source: OCI distribution-spec, "Referrers Tag Schema". */
const signatureTag = (digest: string): string => digest.replace(':', '-');

async function writeOffline(folder: string): Promise<readonly string[]> {
  const written = await Promise.all(
    Object.entries(OFFLINE).map(async ([name, content]) => {
      const file = join(folder, `${name}.json`);
      await writeFile(file, JSON.stringify(content));
      return [`--${name}`, file];
    }),
  );
  return written.flat();
}

/** By what our own signatures are known. */
async function ownTrust(cosign: string, signing: Signing, folder: string): Promise<Trust> {
  if (signing.kind === 'keyless') {
    const workflow = process.env['GITHUB_WORKFLOW_REF'] ?? '';
    const identity = `^${RegExp.escape(`${process.env['GITHUB_SERVER_URL']}/${workflow}`)}$`;
    return { kind: 'keyless', identity, issuer: ISSUER };
  }
  const file = join(folder, 'cosign.pub');
  const { exitCode, stderr } = await runCosign(cosign, undefined, [
    'public-key',
    '--key',
    signing.key,
    '--outfile',
    file,
  ]);
  if (exitCode !== 0) throw signingFailed(signing.key, errorMessage(stderr));
  return { kind: 'key', file };
}

/** GitHub's, for the workflows of a repository. */
export const ISSUER = 'https://token.actions.githubusercontent.com';

/** @returns a check like those of what is published */
export async function verifySignature(
  repository: Repository,
  digest: string,
  trust: Trust,
  onStep: (step: string) => void,
): Promise<PublishedCheck> {
  const cosign = await findCosign(onStep);
  const how =
    trust.kind === 'keyless'
      ? ['--certificate-identity-regexp', trust.identity, '--certificate-oidc-issuer', trust.issuer]
      : ['--key', trust.file, '--insecure-ignore-tlog'];
  const { exitCode, stderr } = await runCosign(cosign, repository, ['verify', ...how, atDigest(repository, digest)]);
  const by = trust.kind === 'keyless' ? `${trust.identity} (${trust.issuer})` : trust.file;
  const found = exitCode === 0 ? `signed by ${by}` : errorMessage(stderr);
  return { name: 'signature', passed: exitCode === 0, found };
}

const errorMessage = (stderr: string): string =>
  Cosign.getErrorMessage(stderr).replace(/^(?:error during command execution|Error): /, '');

/** @param repository that it speaks to, if any */
async function runCosign(cosign: string, repository: Repository | undefined, args: readonly string[]) {
  // The password of a key goes by its variable, and never asks a terminal.
  const env = { ...process.env, COSIGN_PASSWORD: process.env['COSIGN_PASSWORD'] ?? '' };
  const [authority] = repository === undefined ? [] : await registryCertificates(repository.registry);
  const [command = '', ...rest] = args;
  const trusted = authority === undefined ? [] : ['--registry-cacert', authority];
  const { exitCode, stderr } = await execa(cosign, [command, ...trusted, ...rest], {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  return { exitCode, stderr };
}

const PRIVATE_FOLDER = cacheFolder('cosign');
const OLDEST = '>=3.0.0';

/** The host's own cosign, else Debian's, in a folder of ours. @throws WorkError where there is neither */
async function findCosign(onStep: (step: string) => void): Promise<string> {
  const own = join(PRIVATE_FOLDER, 'usr/bin/cosign');
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'cosign'));
  for (const binPath of onPath.filter((path) => existsSync(path))) {
    if (await new Cosign({ binPath }).versionSatisfies(OLDEST)) return binPath;
  }
  if (existsSync(own)) return own;
  onStep('getting cosign from Debian');
  const { exitCode, stderr } = await execa(
    join(import.meta.dirname, '../../scripts/debian-unpack'),
    ['forky', PRIVATE_FOLDER, 'cosign>=3'],
    { reject: false },
  );
  if (exitCode === 0) return own;
  throw new WorkError({
    kind: 'no-cosign',
    title: 'There is no cosign, and none could be had',
    reason: stderr.trim().split('\n').at(-1) ?? '',
    wayOut:
      'install cosign 3 (https://docs.sigstore.dev/cosign/system_config/installation/), or publish with --sign none',
  });
}

const signingFailed = (image: string, said: string): WorkError =>
  new WorkError({
    kind: 'signing',
    title: 'The image could not be signed',
    reason: `${image}: ${said}`,
    wayOut: 'nothing was tagged; run the same command again, it goes on where it was',
  });
