import { parseReference } from '../oci/reference.ts';
import type { RegistryReader } from '../oci/registry.ts';
import type { PublishedTag, RegistryState } from './plan-release.ts';
import { parseVersion } from './version.ts';

const VERSION_ANNOTATION = 'org.opencontainers.image.version';

/**
 * Reads what a plan needs to know of a registry: the names of all tags, and what those are that the plan would touch.
 *
 * @param registry a repository in full: `ghcr.io/openclaw/openclaw`
 * @param planned tags that the plan would touch
 * @throws WorkError where the registry cannot be read
 */
export async function readPublished(
  registry: string,
  planned: readonly string[],
  reader: RegistryReader,
): Promise<RegistryState> {
  const repository = parseReference(registry);
  const names = await reader.tags(repository);
  const read = async (tags: readonly string[]): Promise<Readonly<Record<string, PublishedTag>>> => {
    const entries = await Promise.all(
      tags.map(async (tag) => {
        const document = await reader.document(repository, tag);
        const version = document?.annotations[VERSION_ANNOTATION];
        return document === undefined ? [] : [[tag, { digest: document.digest, version }] as const];
      }),
    );
    return Object.fromEntries(entries.flat());
  };
  const touched = await read(names.filter((name) => name === 'latest' || planned.includes(name)));
  // Which version latest is can be told by its digest, where it does not say.
  const { latest } = touched;
  const versions =
    latest !== undefined && parseVersion(latest.version ?? '') === undefined
      ? await read(names.filter((name) => parseVersion(name.replace(/-r\d{8}$/, '')) !== undefined))
      : {};
  return { ...Object.fromEntries(names.map((name) => [name, { digest: undefined }])), ...versions, ...touched };
}
