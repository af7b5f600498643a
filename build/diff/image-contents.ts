import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { execa } from 'execa';
import { extract, type Header } from 'tar-stream';
import type { Engine } from '../engine/engine.ts';
import { type Descriptor, isAttestation } from '../oci/image-document.ts';

/** What stands at a path: equal texts mean equal content, owner and mode. */
export interface ImageFile {
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  /** Type, mode, owner, and the SHA-256 of the content or the target of a link. */
  readonly fingerprint: string;
}

export interface ImageLayer {
  readonly digest: string;
  /** Bytes as they are stored and pulled. */
  readonly size: number;
}

/** One platform of an image, with its layers laid over one another. */
export interface ImageContents {
  readonly reference: string;
  readonly layers: readonly ImageLayer[];
  /** By path without a leading slash. */
  readonly files: ReadonlyMap<string, ImageFile>;
  /** Debian packages: name → version. */
  readonly debian: ReadonlyMap<string, string>;
  /** npm packages: name → versions, because there can be several. */
  readonly npm: ReadonlyMap<string, string>;
}

/** Source: OCI image-spec, layer.md, "Whiteouts". */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const DPKG_STATUS = 'var/lib/dpkg/status';
const NPM_MANIFEST =
  /(?:^|\/)node_modules\/(?:\.pnpm\/[^/]+\/node_modules\/)?((?:@[^/]+\/)?[^/@.][^/]*)\/package\.json$/;

/** Reads an image that the engine has, by what `docker image save` writes. */
export async function readImageContents(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
  reference: string,
): Promise<ImageContents> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-diff-'));
  const blob = (digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));
  const document = async (
    path: string,
  ): Promise<{ readonly manifests?: Descriptor[]; readonly layers?: Descriptor[] }> =>
    JSON.parse(await readFile(path, 'utf8'));
  try {
    const archive = join(folder, 'image.tar');
    await execa(docker, ['image', 'save', '--output', archive, reference], { env: environment, extendEnv: false });
    await execa('tar', ['-xf', archive, '-C', folder]);
    let found = await document(join(folder, 'index.json'));
    while (found.manifests !== undefined) {
      const [first] = found.manifests.filter((descriptor) => !isAttestation(descriptor));
      found = await document(blob(first?.digest ?? ''));
    }
    const merged = new Merged();
    for (const layer of found.layers ?? []) await merged.add(blob(layer.digest), layer.mediaType ?? '');
    return {
      reference,
      layers: (found.layers ?? []).map(({ digest, size = 0 }) => ({ digest, size })),
      files: merged.files,
      debian: debianPackages(merged.texts.get(DPKG_STATUS) ?? ''),
      npm: npmPackages(merged.texts),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Layers laid over one another, lowest first. */
class Merged {
  readonly files = new Map<string, ImageFile>();
  /** Of the few files that are read, not only compared. */
  readonly texts = new Map<string, string>();

  async add(path: string, mediaType: string): Promise<void> {
    const unpack = extract();
    const reading = (async () => {
      for await (const entry of unpack) await this.#take(entry.header, entry);
    })();
    const decompress = mediaType.endsWith('zstd')
      ? [createZstdDecompress()]
      : mediaType.endsWith('gzip')
        ? [createGunzip()]
        : [];
    await Promise.all([pipeline([createReadStream(path), ...decompress, unpack]), reading]);
  }

  async #take(header: Header, content: AsyncIterable<unknown>): Promise<void> {
    const path = header.name.replace(/^\.?\//, '').replace(/\/$/, '');
    const name = path.slice(path.lastIndexOf('/') + 1);
    const isText = path === DPKG_STATUS || NPM_MANIFEST.test(path);
    const hash = createHash('sha256');
    const chunks: Buffer[] = [];
    for await (const chunk of content) {
      hash.update(chunk as Buffer);
      if (isText) chunks.push(chunk as Buffer);
    }
    if (name === OPAQUE) return this.#remove(path.slice(0, -OPAQUE.length - 1), false);
    if (name.startsWith(WHITEOUT)) return this.#remove(path.replace(WHITEOUT, ''), true);
    if (path === '') return;
    const what = header.type === 'file' ? hash.digest('hex') : (header.linkname ?? '');
    const mode = (header.mode ?? 0).toString(8);
    this.files.set(path, {
      size: header.type === 'file' ? (header.size ?? 0) : 0,
      fingerprint: `${header.type} ${mode} ${header.uid}:${header.gid} ${what}`,
    });
    if (isText) this.texts.set(path, Buffer.concat(chunks).toString('utf8'));
  }

  #remove(path: string, itself: boolean): void {
    for (const known of this.files.keys()) {
      if (known.startsWith(`${path}/`) || (itself && known === path)) {
        this.files.delete(known);
        this.texts.delete(known);
      }
    }
  }
}

function debianPackages(status: string): ReadonlyMap<string, string> {
  const field = (paragraph: string, name: string): string =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
  return new Map(
    status
      .split('\n\n')
      .filter((paragraph) => field(paragraph, 'Status').endsWith(' installed'))
      .map((paragraph) => [field(paragraph, 'Package'), field(paragraph, 'Version')]),
  );
}

function npmPackages(texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const versions = new Map<string, Set<string>>();
  for (const [path, text] of texts) {
    const name = NPM_MANIFEST.exec(path)?.[1];
    if (name === undefined) continue;
    const { version } = JSON.parse(text) as { readonly version?: string };
    if (version !== undefined) versions.set(name, (versions.get(name) ?? new Set()).add(version));
  }
  return new Map([...versions].map(([name, all]) => [name, [...all].sort().join(', ')]));
}
