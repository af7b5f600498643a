/**
 * An image reference, normalised as Docker does: `node:24` is `docker.io/library/node:24`.
 * Grammar: https://github.com/distribution/reference (reference.go, "Grammar").
 */
export interface Reference {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** A reference that names its digest. */
export type DigestReference = Reference & { readonly digest: string };

/** A repository in a registry. */
export type Repository = Pick<Reference, 'registry' | 'repository'>;

export class InvalidReferenceError extends Error {
  override readonly name = 'InvalidReferenceError';
}

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const DOMAIN = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const REGISTRY = new RegExp(`^(?:${DOMAIN}(?:\\.${DOMAIN})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
export const TAG_PATTERN = '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$';
const TAG = new RegExp(TAG_PATTERN);
/** Everything that enters as a digest has this form, because digests become paths and URLs. */
export const DIGEST_PATTERN = '^sha256:[a-f0-9]{64}$';
const DIGEST = new RegExp(DIGEST_PATTERN);

export const isTag = (text: string): boolean => TAG.test(text);
export const isDigest = (text: string): boolean => DIGEST.test(text);

const LONGEST_NAME = 255;

/** Whether the first component is a registry host, not a user of Docker Hub (splitDockerDomain in normalize.go). */
const namesRegistry = (component: string): boolean =>
  component.includes('.') ||
  component.includes(':') ||
  component === 'localhost' ||
  component !== component.toLowerCase();

/**
 * @param text a reference as users write it
 * @throws InvalidReferenceError that names the violated rule
 */
export function parseReference(text: string): Reference {
  const [beforeDigest = '', digest, ...rest] = text.split('@');
  if (rest.length > 0) throw new InvalidReferenceError('it contains more than one @');
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw new InvalidReferenceError('the part after @ must be sha256: and 64 lower-case hexadecimal digits');
  }

  const lastColon = beforeDigest.lastIndexOf(':');
  const hasTag = lastColon > beforeDigest.lastIndexOf('/');
  const name = hasTag ? beforeDigest.slice(0, lastColon) : beforeDigest;
  const tag = hasTag ? beforeDigest.slice(lastColon + 1) : undefined;
  if (tag !== undefined && !TAG.test(tag)) {
    throw new InvalidReferenceError(
      'a tag consists of 1 to 128 letters, digits and _ . - and does not begin with . or -',
    );
  }

  const firstSlash = name.indexOf('/');
  const first = firstSlash < 0 ? '' : name.slice(0, firstSlash);
  const onRegistry = first !== '' && namesRegistry(first);
  const registry = onRegistry ? first : 'docker.io';
  const path = onRegistry ? name.slice(firstSlash + 1) : name;
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (path !== path.toLowerCase()) throw new InvalidReferenceError('a repository name must be lower-case');
  if (!REGISTRY.test(registry)) throw new InvalidReferenceError(`'${registry}' is not a valid registry host`);
  if (path === '' || !REPOSITORY.test(repository)) {
    throw new InvalidReferenceError(
      'a repository name consists of lower-case letters, digits and single separators (. _ __ -), in parts joined by /',
    );
  }
  if (registry.length + 1 + repository.length > LONGEST_NAME)
    throw new InvalidReferenceError(`the name is longer than ${LONGEST_NAME} characters`);
  return { registry, repository, tag, digest };
}

/** The full name without tag and digest: `docker.io/library/node`. */
export const repositoryOf = ({ registry, repository }: Repository): string => `${registry}/${repository}`;

/** The full name with the tag: `docker.io/library/node:24`. */
export const taggedName = (reference: Reference): string => `${repositoryOf(reference)}:${reference.tag ?? 'latest'}`;

/** The full reference: `docker.io/library/node:24@sha256:…`. Without tag and digest, the tag is `latest`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag ?? (reference.digest === undefined ? 'latest' : undefined);
  return `${repositoryOf(reference)}${tag === undefined ? '' : `:${tag}`}${reference.digest === undefined ? '' : `@${reference.digest}`}`;
}

/** The short form, `node:24`, if it is unambiguous. */
export function familiarReference(reference: Reference): string {
  const full = formatReference(reference);
  const short = full.replace(/^docker\.io\/(?:library\/)?/, '');
  return formatReference(parseReference(short)) === full ? short : full;
}
