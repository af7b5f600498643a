interface Manifest {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly layers?: readonly { readonly digest: string; readonly size: number }[];
}

/** Layers of an image in a registry: digest → bytes. */
export async function layersOf(
  registry: string,
  name: string,
  reference: string,
): Promise<ReadonlyMap<string, number>> {
  const accept = ['index.v1', 'manifest.v1'].map((kind) => `application/vnd.oci.image.${kind}+json`).join(', ');
  const answer = await fetch(`http://${registry}/v2/${name}/manifests/${reference}`, {
    headers: { accept: `${accept}, application/vnd.docker.distribution.manifest.v2+json` },
  });
  const { manifests, layers } = (await answer.json()) as Manifest;
  const [manifest] = manifests ?? [];
  if (manifest !== undefined) return layersOf(registry, name, manifest.digest);
  return new Map((layers ?? []).map(({ digest, size }) => [digest, size]));
}
