import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CheckResult } from '../check-result.ts';
import { EMPTY, EMPTY_DESCRIPTOR, putSmallBlob } from '../oci/artifact.ts';
import { type Descriptor, digestOf, MEDIA_TYPES } from '../oci/descriptor.ts';
import { isBadContent, isIndex } from '../oci/document.ts';
import type { Repository } from '../oci/reference.ts';
import { listReferrers, putReferrer } from '../oci/referrers.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import { requestError, WorkError } from '../problem.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { findCosign, runCosign } from './cosign.ts';

/** A statement about an image. Source: in-toto attestation framework, "Statement" */
export interface Claim {
  readonly type: string;
  readonly predicate: object;
}

/** Signs published images. */
export interface Signer {
  /** Signs a claim about an index, and stores it beside the index. It does not count as a signature of the image. */
  readonly attest: (registry: Registry, repository: Repository, index: Descriptor, claim: Claim) => Promise<void>;
  /** Makes sure that every repository has a valid signature of the index. */
  readonly sign: (registry: Registry, repositories: readonly Repository[], index: Descriptor) => Promise<void>;
  /** Whether a digest has a valid signature of this signer's own identity. */
  readonly hasSigned: (registry: Registry, repository: Repository, digest: string) => Promise<boolean>;
}

/** Keyless: signed as the identity of a workflow, by its OpenID Connect token. Key: any key reference that cosign accepts. */
export type Signing = { readonly kind: 'keyless' } | { readonly kind: 'key'; readonly key: string };

/** Signatures that count as valid. */
export type Trust =
  | { readonly kind: 'keyless'; readonly identity: string; readonly issuer: string }
  | { readonly kind: 'key'; readonly file: string };

/**
 * @param text the value of `--sign`
 * @returns undefined if the release is not to be signed
 * @throws RequestError if the key does not exist
 */
export function parseSigning(text: string | undefined, environment = process.env): Signing | undefined {
  const requested = text ?? (environment['GITHUB_ACTIONS'] === 'true' ? 'keyless' : 'none');
  if (requested === 'none') return undefined;
  if (requested === 'keyless') return { kind: 'keyless' };
  const variable = /^env:\/\/(\w+)$/.exec(requested)?.[1];
  // Key management services (awskms://, hashivault://) are checked by cosign.
  const exists =
    variable === undefined ? requested.includes('://') || existsSync(requested) : environment[variable] !== undefined;
  if (exists) return { kind: 'key', key: requested };
  throw requestError(
    '--sign',
    requested,
    variable === undefined ? 'does not exist' : `names the variable ${variable}, which is not set`,
    'create a key with cosign generate-key-pair, or use keyless (in a workflow) or none',
  );
}

/** Signing with a key uses no transparency log and no timestamp service. Source: cosign signing-config create, trusted-root create. */
const OFFLINE = {
  'signing-config': {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    rekorTlogConfig: {},
    tsaConfig: {},
  },
  'trusted-root': { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
} as const;

/** The predicate type of an image signature. Source: the statement of cosign sign, 3.1. */
const SIGN_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';
const PREDICATE_TYPE = 'dev.sigstore.bundle.predicateType';
const SIGNATURE: Claim = { type: SIGN_PREDICATE, predicate: {} };
/** A bundle with certificates and a log entry has some 10 kB. */
const LARGEST_BUNDLE = 1 << 20;
/** Source: sigstore, protobuf-specs, sigstore_bundle.proto. */
const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** @returns undefined if the release is not to be signed */
export async function cosignSigner(
  signing: Signing | undefined,
  onStep: (step: string) => void,
): Promise<Signer | undefined> {
  if (signing === undefined) return undefined;
  const cosign = await findCosign(onStep);
  return {
    hasSigned: (registry, repository, digest) =>
      withTemporaryFolder('sign', async (folder) => {
        const trust = await ownTrust(cosign, signing, folder);
        return (await findBundle(cosign, registry, repository, digest, trust)) !== undefined;
      }),
    attest: (registry, repository, index, claim) =>
      withTemporaryFolder('sign', async (folder) => {
        const bundle = await makeBundle(cosign, signing, index, folder, claim);
        await putBundle(registry, repository, index, bundle, claim);
      }),
    sign: (registry, repositories, index) =>
      withTemporaryFolder('sign', async (folder) => {
        const trust = await ownTrust(cosign, signing, folder);
        const bundles = await Promise.all(
          repositories.map((repository) => findBundle(cosign, registry, repository, index.digest, trust)),
        );
        // All repositories share one signature, because they share the digest.
        const bundle =
          bundles.find((existing) => existing !== undefined) ??
          (await makeBundle(cosign, signing, index, folder, SIGNATURE));
        for (const [number, repository] of repositories.entries()) {
          if (bundles[number] !== undefined) continue;
          await putBundle(registry, repository, index, bundle, SIGNATURE);
          if ((await findBundle(cosign, registry, repository, index.digest, trust)) === undefined)
            throw signingFailed(atDigest(repository, index.digest), 'the signature was written, but does not verify');
        }
      }),
  };
}

/** Signs a statement as cosign would. Registry requests are made here, because they need retries. */
async function makeBundle(
  cosign: string,
  signing: Signing,
  { digest }: Descriptor,
  folder: string,
  { type, predicate }: Claim,
): Promise<Buffer> {
  const file = async (name: string, content: unknown): Promise<string> => {
    await writeFile(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  const statement = await file('statement.json', {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digest.replace('sha256:', '') } }],
    predicateType: type,
    predicate,
  });
  const offline = Object.entries(OFFLINE).map(async ([name, content]) => [`--${name}`, await file(name, content)]);
  const identity = signing.kind === 'keyless' ? [] : ['--key', signing.key, ...(await Promise.all(offline)).flat()];
  const bundle = join(folder, 'bundle.json');
  const args = ['attest-blob', '--yes', ...identity, '--statement', statement, '--bundle', bundle];
  const error = await runCosign(cosign, args);
  if (error !== undefined) throw signingFailed(digest, error);
  return readFile(bundle);
}

/** Stores the bundle where cosign looks for it. Source: sigstore, cosign-bundle-spec, "OCI 1.1 referrers". */
async function putBundle(
  registry: Registry,
  repository: Repository,
  subject: Descriptor,
  bytes: Buffer,
  { type }: Claim,
): Promise<void> {
  const layer = { mediaType: BUNDLE_TYPE, digest: digestOf(bytes), size: bytes.length };
  await putSmallBlob(registry, repository, layer, bytes);
  await putSmallBlob(registry, repository, EMPTY_DESCRIPTOR, EMPTY);
  await putReferrer(registry, repository, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: BUNDLE_TYPE,
    config: EMPTY_DESCRIPTOR,
    layers: [layer],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      [PREDICATE_TYPE]: type,
    },
  });
}

/** The identity of the signatures that this process makes. */
async function ownTrust(cosign: string, signing: Signing, folder: string): Promise<Trust> {
  if (signing.kind === 'keyless') {
    // A reusable workflow signs under its own name. A workflow on another branch could run anything.
    const { GITHUB_SERVER_URL: server = '', GITHUB_REPOSITORY: repository = '' } = process.env;
    const workflows = RegExp.escape(`${server}/${repository}/.github/workflows/`);
    return { kind: 'keyless', identity: `^${workflows}[^@]+@refs/(heads/main|tags/v.*)$`, issuer: ISSUER };
  }
  const file = join(folder, 'cosign.pub');
  const error = await runCosign(cosign, ['public-key', '--key', signing.key, '--outfile', file]);
  if (error !== undefined) throw signingFailed(signing.key, error);
  return { kind: 'key', file };
}

/** The issuer for GitHub workflows. */
export const ISSUER = 'https://token.actions.githubusercontent.com';

/** @returns the signature check of a published image */
export async function verifySignature(
  registry: Registry,
  repository: Repository,
  digest: string,
  trust: Trust,
  onStep: (step: string) => void,
): Promise<CheckResult> {
  const reasons: string[] = [];
  const cosign = await findCosign(onStep);
  const bundle = await findBundle(cosign, registry, repository, digest, trust, (reason) => reasons.push(reason));
  const name = 'signature';
  const checked = "the index's digest against the signatures of the expected identity";
  if (bundle === undefined) return { name, status: 'failed', found: reasons[0] ?? 'none', checked, by: 'nobody' };
  const by = signerOf(bundle, trust);
  return { name, status: 'passed', found: `signed by ${by}`, checked, by };
}

/** The signatures that count for a command that also signs: its own, and those of the trusted identity. */
export const ownOrTrusted =
  (signer: Signer | undefined, registry: Registry, trust: Trust, onStep: (step: string) => void) =>
  async (repository: Repository, digest: string): Promise<boolean> =>
    (await signer?.hasSigned(registry, repository, digest)) === true ||
    signatureCheck(registry, trust, onStep)(repository, digest);

/** @returns a function that says whether this signer signed a digest; undefined without a signer */
export const ownSignatures = (signer: Signer | undefined, registry: Registry) =>
  signer && ((repository: Repository, digest: string) => signer.hasSigned(registry, repository, digest));

/** @returns a function that says whether a digest has a valid signature */
export const signatureCheck =
  (registry: Registry, trust: Trust, onStep: (step: string) => void) =>
  async (repository: Repository, digest: string): Promise<boolean> =>
    (await verifySignature(registry, repository, digest, trust, onStep)).status === 'passed';

/** The maker of a verified signature: the identity in its certificate, or the key. */
function signerOf(bundle: Buffer, trust: Trust): string {
  // Without the folder, because a report may be published.
  if (trust.kind === 'key') return `the key of ${basename(trust.file)}`;
  const { verificationMaterial } = JSON.parse(bundle.toString('utf8')) as {
    readonly verificationMaterial?: { readonly certificate?: { readonly rawBytes?: string } };
  };
  const bytes = verificationMaterial?.certificate?.rawBytes;
  const names = bytes === undefined ? undefined : new X509Certificate(Buffer.from(bytes, 'base64')).subjectAltName;
  return `${names?.replace(/^URI:/, '') ?? trust.identity} (${trust.issuer})`;
}

/** @returns the first valid signature of an index */
async function findBundle(
  cosign: string,
  registry: Registry,
  repository: Repository,
  digest: string,
  trust: Trust,
  onReason: (reason: string) => void = () => {},
): Promise<Buffer | undefined> {
  const index = await registry.document(repository, digest);
  if (index === undefined) return undefined;
  const trustArguments =
    trust.kind === 'keyless'
      ? ['--certificate-identity-regexp', trust.identity, '--certificate-oidc-issuer', trust.issuer]
      : ['--key', trust.file, '--insecure-ignore-tlog'];
  return withTemporaryFolder('sign', async (folder) => {
    const file = join(folder, 'index.json');
    await writeFile(file, index.bytes);
    const referrers = await listReferrers(registry, repository, digest);
    // Statements of another kind, such as that the image was reproduced, must not take the places of signatures.
    const bundles = referrers.filter(
      ({ artifactType = BUNDLE_TYPE, annotations = {} }) =>
        artifactType === BUNDLE_TYPE && (annotations[PREDICATE_TYPE] ?? SIGN_PREDICATE) === SIGN_PREDICATE,
    );
    for (const { digest: referrer } of bundles.slice(0, MOST_BUNDLES)) {
      // Other tools attach what they like; it must not hide a signature.
      const manifest = await registry.document(repository, referrer).catch(ignoreBad);
      const [layer] = manifest === undefined || isIndex(manifest.content) ? [] : manifest.content.layers;
      if (layer?.mediaType !== BUNDLE_TYPE || layer.size > LARGEST_BUNDLE) continue;
      // Another statement about the image, such as that it was reproduced.
      const type = manifest?.content.annotations?.[PREDICATE_TYPE];
      if (type !== undefined && type !== SIGN_PREDICATE) continue;
      const bundle = await registry.blob(repository, layer.digest).catch(ignoreBad);
      if (bundle === undefined) continue;
      await writeFile(join(folder, 'bundle.json'), bundle);
      const input = ['--bundle', join(folder, 'bundle.json'), '--type', SIGN_PREDICATE, file];
      const error = await runCosign(cosign, ['verify-blob-attestation', ...trustArguments, ...input]);
      if (error === undefined && predicateTypeOf(bundle) === SIGN_PREDICATE) return bundle;
      onReason(error ?? 'a statement of another kind');
    }
    return undefined;
  });
}

/**
 * The kind of the statement in a bundle. Compared here too: a key may sign statements of several kinds, and older releases of cosign 3
 * accept any. Source: GHSA-w6c6-c85g-mmv6
 */
export function predicateTypeOf(bundle: Buffer): string | undefined {
  const { dsseEnvelope } = JSON.parse(bundle.toString('utf8')) as {
    readonly dsseEnvelope?: { readonly payload?: string };
  };
  const statement: unknown = JSON.parse(Buffer.from(dsseEnvelope?.payload ?? 'e30=', 'base64').toString('utf8'));
  return (statement as { readonly predicateType?: string }).predicateType;
}

/** Each costs two requests and a run of cosign. */
const MOST_BUNDLES = 50;

function ignoreBad(error: unknown): undefined {
  if (isBadContent(error)) return undefined;
  throw error;
}

const signingFailed = (image: string, reason: string): WorkError =>
  new WorkError({
    kind: 'signing',
    title: 'Signing failed',
    reason: `${image}: ${reason}.`,
    hint: 'nothing was tagged; correct the cause and run the same command again, which resumes',
  });
