import { debianRelease, installedPackages, namesPackages } from '../contents/installed-packages.ts';
import { mergeLayers } from '../contents/merged-layers.ts';
import { SPDX_PREDICATE, spdxDocument } from '../contents/spdx.ts';
import { ANNOTATION, type Annotations } from '../oci/annotations.ts';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { ARCHITECTURE_NAMES, type Platform } from '../oci/platform.ts';
import { type Statement, statementAbout } from './attestation.ts';

/** Lists the packages of an image as an SPDX statement. Reads layers and runs nothing, so it works for every platform. */
export async function sbomStatement(
  source: Pick<ContentSource, 'open'>,
  platform: Platform,
  manifest: Descriptor,
  layers: readonly Descriptor[],
  annotations: Annotations,
): Promise<Statement> {
  const merged = await mergeLayers(source, layers, { texts: namesPackages, fingerprints: false });
  const subject = {
    name: annotations[ANNOTATION.title] ?? '',
    digest: manifest.digest,
    version: annotations[ANNOTATION.version] ?? '',
    architecture: ARCHITECTURE_NAMES[platform].debian,
    debian: debianRelease(merged),
    created: annotations[ANNOTATION.created] ?? '',
  };
  return statementAbout(manifest, SPDX_PREDICATE, spdxDocument(subject, installedPackages(merged)));
}
