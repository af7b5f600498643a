import { parseVersion } from '../gateway/version.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { type PublishedTag, planRelease, type RegistryState, type ReleaseRequest } from './plan-release.ts';

const VERSION = 'org.opencontainers.image.version';
const CREATED = 'org.opencontainers.image.created';

/**
 * Reads what a plan needs to know of a registry: the names of all tags, and what those are that the plan would touch.
 *
 * @param name a repository in full: `ghcr.io/openclaw/openclaw`
 * @param planned tags that the plan would touch
 * @throws WorkError where the registry cannot be read
 */
export async function readPublished(
  name: string,
  planned: readonly string[],
  registry: Pick<Registry, 'tags' | 'document'>,
): Promise<RegistryState> {
  const repository = parseReference(name);
  const names = await registry.tags(repository);
  const read = async (tags: readonly string[]): Promise<Readonly<Record<string, PublishedTag>>> => {
    const entries = await Promise.all(
      tags.map(async (tag) => {
        const document = await registry.document(repository, tag);
        if (document === undefined) return [];
        const { [VERSION]: version, [CREATED]: created } = document.annotations;
        return [[tag, { digest: document.descriptor.digest, version, created }] as const];
      }),
    );
    return Object.fromEntries(entries.flat());
  };
  // Asked for by name: a list of tags can be old, or cut.
  const touched = await read([...new Set(['latest', ...planned])]);
  // Which version latest is can be told by its digest, where it does not say.
  const { latest } = touched;
  const versions =
    latest !== undefined && parseVersion(latest.version ?? '') === undefined
      ? await read(names.filter((name) => parseVersion(name.replace(/-r\d{8}$/, '')) !== undefined))
      : {};
  return { ...Object.fromEntries(names.map((name) => [name, { digest: undefined }])), ...versions, ...touched };
}

/** Reads all registries of a release, for what its plan would touch. */
export async function readAllPublished(
  request: Omit<ReleaseRequest, 'published' | 'digests'>,
  registry: Pick<Registry, 'tags' | 'document'>,
  onStep: (step: string) => void,
): Promise<Readonly<Record<string, RegistryState>>> {
  // The names do not depend on what is there.
  const { tags } = planRelease({ ...request, published: undefined });
  const states: Record<string, RegistryState> = {};
  for (const name of request.registries) {
    onStep(`reading ${name}`);
    const planned = tags.filter((one) => one.registry === name).map(({ tag }) => tag);
    states[name] = await readPublished(name, planned, registry);
  }
  return states;
}
