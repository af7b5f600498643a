import { compareVersions, parseVersion, parseVersionTag } from '../gateway/version.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { type PublishedTag, planRelease, type RegistryState } from './plan-release.ts';
import type { Release } from './release.ts';

/**
 * Reads the part of a registry that a plan needs: the names of all tags, and the contents of the tags that the plan would write.
 *
 * @param name full repository name: `ghcr.io/openclaw/openclaw`
 * @param planned tags that the plan would write
 * @throws WorkError if the registry cannot be read
 */
async function readPublished(
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
        const { [ANNOTATION.version]: version, [ANNOTATION.created]: created } = document.annotations;
        return [[tag, { digest: document.descriptor.digest, version, created }] as const];
      }),
    );
    return Object.fromEntries(entries.flat());
  };
  // Read by name, because a list of tags can be outdated or truncated.
  const touched = await read([...new Set(['latest', ...planned])]);
  // If a channel has no version annotation, its digest tells the version.
  const isUnnamed = ['latest', 'extended-stable'].some(
    (channel) => touched[channel] !== undefined && parseVersion(touched[channel].version ?? '') === undefined,
  );
  const versions = isUnnamed ? await read(newestVersions(names)) : {};
  return { ...Object.fromEntries(names.map((name) => [name, { digest: undefined }])), ...versions, ...touched };
}

/** Tags that a channel may name: a channel names one of the newest versions. */
const MOST_VERSIONS = 100;

const newestVersions = (names: readonly string[]): readonly string[] =>
  names
    .flatMap((name) => {
      const version = parseVersionTag(name)?.version;
      return version === undefined ? [] : [{ name, version }];
    })
    .sort((a, b) => compareVersions(b.version, a.version))
    .slice(0, MOST_VERSIONS)
    .map(({ name }) => name);

/** Reads every registry of a release. @param revision commit of the sources; undefined before it is known */
export async function readAllPublished(
  release: Release,
  registry: Pick<Registry, 'tags' | 'document'>,
  onStep: (step: string) => void,
  revision?: string,
): Promise<Readonly<Record<string, RegistryState>>> {
  // The names of the planned tags do not depend on the registries.
  const { tags } = planRelease({ ...release, platformTags: true }, { revision });
  const states: Record<string, RegistryState> = {};
  for (const name of release.registries) {
    onStep(`reading ${name}`);
    const planned = tags.flatMap(({ registry: of, tag }) => (of === name ? [tag] : []));
    states[name] = await readPublished(name, planned, registry);
  }
  return states;
}
