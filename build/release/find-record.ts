import { compareVersions, parseVersion } from '../gateway/version.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { type ReleaseRecord, readRecord } from './release-record.ts';

/**
 * Finds the record of a release. Every registry has a copy, and one registry may have lost its own.
 *
 * @param name undefined for the newest version
 * @throws WorkError if no registry has a record
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
    title: 'There is no record of this release',
    reason: `${registries.join(', ')} ${registries.length === 1 ? 'has' : 'have'} no record of ${name ?? 'any version'}.`,
    wayOut: 'check --release and --registries; only releases by scripts/run release publish have a record',
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
  // A prerelease belongs to no channel. Of several refreshes of a version the newest counts.
  return dated
    .sort((one, other) => compareVersions(one.version, other.version) || (one.name < other.name ? -1 : 1))
    .at(-1)?.name;
}
