import type { ImageConfig } from '../oci/document.ts';
import { WorkError } from '../problem.ts';
import { type DockerCli, runDocker } from './docker-cli.ts';
import { requestEngine } from './engine-api.ts';

/** An image in the engine. */
export interface LocalImage {
  /** Digest of the index, or of the manifest of an image without an index. */
  readonly digest: string;
  readonly config: ImageConfig;
  /** Bytes of its compressed layers. */
  readonly size: number;
}

interface Inspected {
  readonly Id: string;
  readonly Architecture: string;
  readonly Os: string;
  readonly Created?: string;
  readonly Size: number;
  readonly Descriptor?: { readonly digest: string };
  readonly Config: NonNullable<ImageConfig['config']>;
}

/** @returns undefined if the engine does not have the image */
export async function inspectLocalImage(engine: DockerCli, reference: string): Promise<LocalImage | undefined> {
  const image = await inspect(engine, reference);
  if (image === undefined) return undefined;
  return {
    digest: image.Descriptor?.digest ?? image.Id,
    size: image.Size,
    config: {
      architecture: image.Architecture,
      os: image.Os,
      ...(image.Created === undefined ? {} : { created: image.Created }),
      config: image.Config,
    },
  };
}

async function inspect(cli: DockerCli, reference: string): Promise<Inspected | undefined> {
  const answer = await requestEngine(
    cli.environment['DOCKER_HOST'] ?? '',
    `/images/${encodeURIComponent(reference)}/json`,
  );
  if (answer?.status === 200) return JSON.parse(answer.body) as Inspected;
  if (answer?.status === 404) return undefined;
  const { stdout, exitCode } = await runDocker(cli, ['image', 'inspect', reference]);
  return exitCode === 0 ? (JSON.parse(stdout) as readonly Inspected[])[0] : undefined;
}

/** An entry of an image's history. */
export interface HistoryLayer {
  readonly createdBy: string;
  /** Bytes, unpacked. */
  readonly size: number;
}

/** The history of an image, lowest layer first. */
export async function readHistory(engine: DockerCli, reference: string): Promise<readonly HistoryLayer[]> {
  const entries = (await requestHistory(engine, reference)) ?? (await printHistory(engine, reference));
  return entries.map(({ CreatedBy, Size }) => ({ createdBy: CreatedBy, size: Number(Size) })).reverse();
}

interface HistoryEntry {
  readonly CreatedBy: string;
  readonly Size: string | number;
}

async function requestHistory(
  { environment }: DockerCli,
  reference: string,
): Promise<readonly HistoryEntry[] | undefined> {
  const answer = await requestEngine(
    environment['DOCKER_HOST'] ?? '',
    `/images/${encodeURIComponent(reference)}/history`,
  );
  return answer?.status === 200 ? (JSON.parse(answer.body) as readonly HistoryEntry[]) : undefined;
}

async function printHistory(cli: DockerCli, reference: string): Promise<readonly HistoryEntry[]> {
  const args = ['image', 'history', '--no-trunc', '--human=false', '--format', '{{json .}}', reference];
  const { stdout } = await runDocker(cli, args);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryEntry);
}

/** @throws WorkError if the engine does not have the image */
export async function requireLocalImage(cli: DockerCli, reference: string): Promise<void> {
  if ((await inspectLocalImage(cli, reference)) !== undefined) return;
  throw new WorkError({
    kind: 'not-found',
    title: 'The engine does not have this image',
    reason: `${reference} is not in the engine.`,
    hint: `pull or build it: docker pull ${reference}`,
  });
}
