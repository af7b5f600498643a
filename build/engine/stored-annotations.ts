import { execa } from 'execa';
import { extract } from 'tar-stream';
import type { Annotations } from '../oci/annotations.ts';
import { type Descriptor, isAttestation, platformOf } from '../oci/descriptor.ts';
import { parseDocument } from '../oci/document.ts';
import { type DockerCli, runDocker } from './docker-cli.ts';

/** The annotations of an image's documents. Source: OCI image-spec, image-index.md and manifest.md. */
export interface StoredAnnotations {
  /** Annotations of the index; undefined if the image is a single manifest. */
  readonly index: Annotations | undefined;
  /** Annotations of each platform's manifest. */
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: string;
    readonly annotations: Annotations;
  }[];
}

interface IndexOrManifest {
  readonly manifests?: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * @param root digest of the image
 * @param read returns an index or a manifest as stored; undefined if it does not exist
 */
export async function readStoredAnnotations(
  root: string,
  read: (digest: string) => Promise<Buffer | string | undefined>,
): Promise<StoredAnnotations> {
  const parse = async (digest: string): Promise<IndexOrManifest> => {
    const stored = await read(digest);
    return stored === undefined ? {} : parseDocument(Buffer.from(stored), digest);
  };
  const top = await parse(root);
  if (top.manifests === undefined)
    return { index: undefined, manifests: [{ digest: root, platform: '', annotations: top.annotations ?? {} }] };
  const manifests = await Promise.all(
    top.manifests
      .filter((descriptor) => !isAttestation(descriptor))
      .map(async (descriptor) => ({
        digest: descriptor.digest,
        platform: platformOf(descriptor),
        annotations: (await parse(descriptor.digest)).annotations ?? {},
      })),
  );
  return { index: top.annotations ?? {}, manifests };
}

/** Reads the documents of an image in a registry. */
export function readRegistryDocument(cli: DockerCli, reference: string, digest: string): Promise<StoredAnnotations> {
  const repository = reference.replace(/@.*$/, '').replace(/:[^:/]+$/, '');
  return readStoredAnnotations(digest, async (part) => {
    const { stdout, exitCode } = await runDocker(cli, [
      'buildx',
      'imagetools',
      'inspect',
      '--raw',
      `${repository}@${part}`,
    ]);
    return exitCode === 0 ? stdout : undefined;
  });
}

/** Larger blobs are layers, and are skipped. */
const LARGEST_DOCUMENT = 4_000_000;

/** Reads the documents of an image in an engine from the output of `docker image save`. Layers are skipped. */
export async function readEngineDocument(
  { docker, environment }: DockerCli,
  reference: string,
): Promise<StoredAnnotations> {
  const files = new Map<string, string>();
  const unpack = extract();
  const save = execa(docker, ['image', 'save', reference], {
    env: environment,
    extendEnv: false,
    buffer: false,
    stdin: 'ignore',
  });
  save.stdout.pipe(unpack);
  for await (const entry of unpack) {
    if ((entry.header.size ?? 0) > LARGEST_DOCUMENT || entry.header.type !== 'file') {
      entry.resume();
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, Buffer.concat(chunks).toString('utf8'));
  }
  await save;
  const { manifests } = JSON.parse(files.get('index.json') ?? '{"manifests":[]}') as {
    readonly manifests: readonly Descriptor[];
  };
  const root = manifests[0]?.digest ?? '';
  return readStoredAnnotations(root, async (digest) => files.get(`blobs/${digest.replace(':', '/')}`));
}
