import { compareVersions, parseVersion, parseVersionTag } from '../gateway/version.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { splitVariantTag, type Variant } from '../spec/variant.ts';
import { isChannel } from './channel-decision.ts';
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
  // If the channel of a variant has no version annotation, its digest tells the version.
  const unnamed = Object.entries(touched).flatMap(([tag, { version = '' }]) => {
    const { name: channel, variant } = splitVariantTag(tag);
    return isChannel(channel) && parseVersion(version) === undefined ? [variant] : [];
  });
  const versions = await read(newestVersions(names, new Set(unnamed)));
  return { ...Object.fromEntries(names.map((name) => [name, { digest: undefined }])), ...versions, ...touched };
}

/** Tags of a variant that its channel may name: a channel names one of the newest versions. */
const MOST_VERSIONS = 50;

const newestVersions = (names: readonly string[], variants: ReadonlySet<Variant>): readonly string[] => {
  const versions = names
    .flatMap((tag) => {
      const { name, variant } = splitVariantTag(tag);
      const version = parseVersionTag(name)?.version;
      return version === undefined ? [] : [{ tag, variant, version }];
    })
    .sort((a, b) => compareVersions(b.version, a.version));
  return [...variants].flatMap((variant) =>
    versions
      .filter((of) => of.variant === variant)
      .slice(0, MOST_VERSIONS)
      .map(({ tag }) => tag),
  );
};

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
