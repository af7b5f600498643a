import { debianRelease, installedPackages, namesPackages } from '../contents/installed-packages.ts';
import { type MergedLayers, mergeLayers } from '../contents/merged-layers.ts';
import { SPDX_PREDICATE, spdxDocument } from '../contents/spdx.ts';
import { ANNOTATION, type Annotations, GIT_ANNOTATION } from '../oci/annotations.ts';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor, ImageManifest } from '../oci/descriptor.ts';
import { parseImageConfig } from '../oci/document.ts';
import { ARCHITECTURE_NAMES, type Platform } from '../oci/platform.ts';
import { type Statement, statementAbout } from './attestation.ts';

/** Lists the packages of an image as an SPDX statement. Reads layers and runs nothing, so it works for every platform. */
export async function sbomStatement(
  source: Pick<ContentSource, 'open' | 'blob'>,
  platform: Platform,
  manifest: Descriptor,
  { layers, config }: Pick<ImageManifest, 'layers' | 'config'>,
  annotations: Annotations,
): Promise<Statement> {
  const { config: settings } = parseImageConfig(await source.blob(config.digest), config.digest);
  const merged = await mergeLayers(source, layers, { texts: namesPackages, fingerprints: false });
  const subject = {
    name: annotations[ANNOTATION.title] ?? '',
    digest: manifest.digest,
    version: annotations[ANNOTATION.version] ?? '',
    architecture: ARCHITECTURE_NAMES[platform].debian,
    debian: debianRelease(merged),
    created: annotations[ANNOTATION.created] ?? '',
    git: gitDependencies(annotations),
  };
  const packages = installedPackages(merged, settings?.Env ?? []);
  const layerOf = (path: string): string | undefined => layers[layerOfPath(merged, path) ?? -1]?.digest;
  return statementAbout(manifest, SPDX_PREDICATE, spdxDocument(subject, packages, layerOf));
}

/** Name → address of each dependency from git. */
const gitDependencies = (annotations: Annotations): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (annotations[GIT_ANNOTATION] ?? '')
      .split(' ')
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );

/** The layer of a file; of a folder, that of a file in it. */
function layerOfPath({ layers }: MergedLayers, path: string): number | undefined {
  const own = layers.get(path);
  if (own !== undefined) return own;
  for (const [known, layer] of layers) if (known.startsWith(`${path}/`)) return layer;
  return undefined;
}
