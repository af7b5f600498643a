import { compareVersions, parseVersion } from '../gateway/version.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { type ReleaseRecord, readRecord } from './release-record.ts';

/**
 * Finds the record of a release; any registry's will do: they are copies, and one registry may have lost its own.
 *
 * @param name undefined for the newest version
 * @throws WorkError where there is none
 */
export async function findRecord(
  registry: Registry,
  registries: readonly string[],
  name: string | undefined,
): Promise<ReleaseRecord> {
  for (const repository of registries) {
    const found = name ?? (await newestRecord(registry, repository));
    const record = found === undefined ? undefined : await readRecord(registry, repository, found);
    if (record !== undefined) return record;
  }
  throw new WorkError({
    kind: 'not-found',
    title: 'There is no record of that release',
    reason: `${name ?? 'any version'} was looked for in ${registries.join(', ')}`,
    wayOut: 'releases that scripts/run release published have one; check --release and --registries',
  });
}

async function newestRecord(registry: Registry, repository: string): Promise<string | undefined> {
  const names = (await registry.tags(parseReference(repository))).flatMap((tag) =>
    tag.startsWith('release-') ? [tag.slice('release-'.length)] : [],
  );
  const dated = names.flatMap((name) => {
    const version = parseVersion(name.replace(/-r\d{8}$/, ''));
    return version?.kind !== 'stable' ? [] : [{ name, version }];
  });
  // Prereleases are no channel's; of one version the newest refresh.
  return dated
    .sort((one, other) => compareVersions(one.version, other.version) || (one.name < other.name ? -1 : 1))
    .at(-1)?.name;
}
