import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cacheFolder } from '../cache-folder.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { isUnreachable, readConfigs, readDigest } from '../engine/image-tools.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { variableOf } from '../oci/document.ts';
import { formatReference, type Reference, repositoryOf, taggedName } from '../oci/reference.ts';
import { WorkError } from '../problem.ts';
import type { BaseChoice, Destination } from '../spec/image-spec.ts';
import type { Base } from './base.ts';
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
    case 'run-base':
      return runBase(engine, choice);
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
      nodeVersion: await publishedNodeVersion(engine, reference, reference.digest),
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

/** The base that the user named: an image in the engine, else in a registry. */
async function namedBase(engine: DockerCli, reference: Reference): Promise<Base> {
  const full = formatReference(reference);
  const local = await inspectLocalImage(engine, full);
  const digest = reference.digest ?? local?.digest ?? (await readDigest(engine, full));
  const nodeVersion =
    local === undefined
      ? await publishedNodeVersion(engine, reference, digest)
      : variableOf(local.config, 'NODE_VERSION');
  return {
    kind: 'reference',
    name: taggedName(reference),
    digest,
    nodeVersion: nodeVersion ?? noNode(full),
    // Pin the resolved digest, so that a moving tag cannot change the base.
    from: local === undefined ? `${full.split('@')[0]}@${digest}` : full,
    context: undefined,
    warning: [],
  };
}

/** A run base stands for its own base, and for Debian's packages on it. */
async function runBase(engine: DockerCli, { image, base }: BaseChoice & { readonly kind: 'run-base' }): Promise<Base> {
  return {
    kind: 'reference',
    name: taggedName(base),
    digest: base.digest,
    nodeVersion: await publishedNodeVersion(engine, image, image.digest),
    from: `${taggedName(base)}@${base.digest}`,
    context: undefined,
    runBase: formatReference(image),
    warning: [],
  };
}

/** The Node version of a digest never changes, so it is read once. */
async function publishedNodeVersion(engine: DockerCli, reference: Reference, digest: string): Promise<string> {
  const file = cacheFolder('bases', `${digest.replace(':', '-')}.node`);
  if (existsSync(file)) return (await readFile(file, 'utf8')).trim();
  const full = formatReference({ ...reference, digest });
  const [config] = (await readConfigs(engine, full)).values();
  const version = config === undefined ? undefined : variableOf(config, 'NODE_VERSION');
  if (version === undefined) return noNode(full);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${version}\n`);
  return version;
}

function noNode(reference: string): never {
  throw new WorkError({
    kind: 'no-node',
    title: 'The base does not contain Node',
    reason: `${reference} does not set NODE_VERSION, as Node's official images do.`,
    hint: 'use an official Node image: --base node:24-bookworm-slim',
  });
}
