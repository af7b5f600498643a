import type { Annotations } from '../oci/annotations.ts';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { debianRelease, installedPackages, namesPackages } from '../oci/installed-packages.ts';
import { mergeLayers } from '../oci/merged-layers.ts';
import { MACHINES, type Platform } from '../oci/platform.ts';
import { SPDX_PREDICATE, spdxDocument } from '../sbom/spdx.ts';
import { type Statement, statementAbout } from './attestations.ts';

/** Lists the packages of an image as an SPDX statement. Reads layers and runs nothing, so it works for every platform. */
export async function sbomStatement(
  source: Pick<ContentSource, 'open'>,
  platform: Platform,
  manifest: Descriptor,
  layers: readonly Descriptor[],
  annotations: Annotations,
): Promise<Statement> {
  const merged = await mergeLayers(source, layers, { texts: namesPackages, fingerprints: false });
  const said = (name: string): string => annotations[`org.opencontainers.image.${name}`] ?? '';
  const subject = {
    name: said('title'),
    digest: manifest.digest,
    version: said('version'),
    architecture: MACHINES[platform].debian,
    debian: debianRelease(merged),
    created: said('created'),
  };
  return statementAbout(manifest, SPDX_PREDICATE, spdxDocument(subject, installedPackages(merged)));
}
