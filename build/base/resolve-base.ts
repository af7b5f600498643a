import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { cacheFolder } from '../cache-folder.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { isUnreachable, readConfigs, readDigest } from '../engine/image-tools.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { type ImageConfig, variableOf } from '../oci/document.ts';
import { formatReference, type Reference, repositoryOf, taggedName } from '../oci/reference.ts';
import { WorkError } from '../problem.ts';
import type { BaseChoice, Destination } from '../spec/image-spec.ts';
import type { Base } from './base.ts';
import { baseOf, runBaseName } from './base-labels.ts';
import { type BootstrapRequest, bootstrapBase, bootstrapDebian } from './bootstrap.ts';
import { type PinFile, readPin } from './pin.ts';

export interface BaseRequest extends BootstrapRequest {
  readonly choice: BaseChoice;
}

/** A bootstrapped base belongs to its host: an image that is pushed uses one only if the user asked for it. */
export const suitableBase = <T extends BaseChoice>(
  choice: T,
  { kind }: Pick<Destination, 'kind'>,
): T | { readonly kind: 'pinned' } => (choice.kind === 'auto' && kind === 'push' ? { kind: 'pinned' } : choice);

/**
 * Finds the parent image, or makes one if the registry of the pinned base is unreachable and the request allows it.
 *
 * @throws WorkError if the requested base is not available
 */
export async function resolveBase(request: BaseRequest): Promise<Base> {
  const { choice, engine } = request;
  switch (choice.kind) {
    case 'bootstrap':
      return bootstrapBase(request);
    case 'reference':
      return namedBase(engine, choice.reference);
    case 'pinned':
      return pinnedBase(engine);
    case 'auto':
      return pinnedOrBootstrapped(
        'base.Dockerfile',
        () => pinnedBase(engine),
        () => bootstrapBase(request),
      );
  }
}

/**
 * Finds the parent image of the sandboxes, by the same rules.
 *
 * @throws WorkError if the requested base is not available
 */
export async function resolveSandboxBase({
  kind,
  ...request
}: BootstrapRequest & { readonly kind: 'auto' | 'pinned' | 'bootstrap' }): Promise<Omit<Base, 'nodeVersion'>> {
  const pinned = async (): Promise<Omit<Base, 'nodeVersion'>> => {
    const { from, reference } = readPin('sandbox-base.Dockerfile');
    const digest = await readDigest(request.engine, formatReference(reference));
    const name = taggedName(reference);
    return { kind: 'pinned', name, digest, from, context: undefined, warning: [] };
  };
  const bootstrapped = () => bootstrapDebian(request);
  switch (kind) {
    case 'bootstrap':
      return bootstrapped();
    case 'pinned':
      return pinned();
    case 'auto':
      return pinnedOrBootstrapped('sandbox-base.Dockerfile', pinned, bootstrapped);
  }
}

/** After a failure, the registry is not contacted for this long: a failed name look-up can take seconds. */
const UNREACHABLE_MINUTES = 10;

async function pinnedOrBootstrapped<T extends Pick<Base, 'warning'>>(
  pin: PinFile,
  pinned: () => Promise<T>,
  bootstrapped: () => Promise<T>,
): Promise<T> {
  const { reference } = readPin(pin);
  const marker = cacheFolder('bases', `unreachable-${reference.registry}`);
  const markerStatus = await stat(marker).catch(() => undefined);
  if (markerStatus === undefined || Date.now() - markerStatus.mtimeMs > UNREACHABLE_MINUTES * 60_000) {
    try {
      return await pinned();
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      await mkdir(dirname(marker), { recursive: true });
      await writeFile(marker, '');
    }
  }
  const base = await bootstrapped();
  const reason = `The registry of ${repositoryOf(reference)} is unreachable (--base pinned contacts it again).`;
  return { ...base, warning: [reason, ...base.warning] };
}

async function pinnedBase(engine: DockerCli): Promise<Base> {
  const { from, reference } = readPin();
  try {
    return {
      kind: 'pinned',
      name: taggedName(reference),
      digest: reference.digest,
      nodeVersion: (await publishedNode(engine, reference, reference.digest)).nodeVersion,
      from,
      context: undefined,
      warning: [],
    };
  } catch (error) {
    if (!(error instanceof WorkError) || !isUnreachable(error)) throw error;
    const hint = `${error.failure.hint}; or make a base on this host from Debian packages and npm: --base bootstrap`;
    throw new WorkError({ ...error.failure, hint }, { cause: error });
  }
}

/** The base that the user named: an image in the engine, else in a registry. A run base stands for its own base, and Debian's packages on it. */
async function namedBase(engine: DockerCli, reference: Reference): Promise<Base> {
  const full = formatReference(reference);
  const local = await inspectLocalImage(engine, full);
  const digest = reference.digest ?? local?.digest ?? (await readDigest(engine, full));
  const { nodeVersion, base } =
    local === undefined ? await publishedNode(engine, reference, digest) : nodeImage(local.config, full);
  // Pin the resolved digest, so that a moving tag cannot change the base.
  const from = local === undefined ? `${full.split('@')[0]}@${digest}` : full;
  const named = { kind: 'reference', nodeVersion, context: undefined, warning: [] } as const;
  if (base === undefined) return { ...named, name: taggedName(reference), digest, from };
  return { ...named, ...base, from: `${base.name}@${base.digest}`, runBase: from };
}

/** What the config of an image with Node tells. */
interface NodeImage {
  readonly nodeVersion: string;
  /** The base of a run base: `docker.io/library/node:24-bookworm-slim`, and its digest. */
  readonly base?: { readonly name: string; readonly digest: string };
}

function nodeImage(config: ImageConfig, reference: string): NodeImage {
  const labels = config.config?.Labels ?? {};
  const base = runBaseName(labels) === undefined ? undefined : baseOf(labels);
  const nodeVersion = variableOf(config, 'NODE_VERSION') ?? noNode(reference);
  return base === undefined ? { nodeVersion } : { nodeVersion, base: { name: taggedName(base), digest: base.digest } };
}

/** The config of a digest never changes, so it is read once. */
async function publishedNode(engine: DockerCli, reference: Reference, digest: string): Promise<NodeImage> {
  const file = cacheFolder('bases', `${digest.replace(':', '-')}.node.json`);
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as NodeImage;
  const full = formatReference({ ...reference, digest });
  const [config] = (await readConfigs(engine, full)).values();
  const image = config === undefined ? noNode(full) : nodeImage(config, full);
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, `${JSON.stringify(image)}\n`);
  return image;
}

function noNode(reference: string): never {
  throw new WorkError({
    kind: 'no-node',
    title: 'The base does not contain Node',
    reason: `${reference} does not set NODE_VERSION, as Node's official images do.`,
    hint: 'use an official Node image: --base node:24-bookworm-slim',
  });
}
