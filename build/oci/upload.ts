import { Readable } from 'node:stream';
import type { Descriptor } from './descriptor.ts';
import type { Repository } from './reference.ts';
import type { RegistryConnection } from './registry-connection.ts';
import { headerOf, type RegistryResponse, unexpectedAnswer } from './response.ts';
import { TransientError } from './retry.ts';

/** Opens the content of a blob. */
export type OpenBlob = () => Promise<Readable | Buffer>;

/** A lost connection costs at most one chunk, which is kept in memory. */
const CHUNK = 16 * (1 << 20);
/** A registry may ask for larger chunks. */
const LARGEST_CHUNK = 128 * (1 << 20);
const MEDIA_TYPE = 'application/octet-stream';

/**
 * Uploads a blob: a small one with one request, a large one in chunks. A chunk that failed is sent again from the byte at which the
 * registry stopped, so an upload ends only if no chunk makes progress.
 *
 * Source: OCI distribution-spec, "Pushing a blob in chunks"
 * @returns the response to the last request
 * @throws WorkError with the last failure
 */
export async function uploadBlob(
  connection: RegistryConnection,
  repository: Repository,
  blob: Pick<Descriptor, 'digest' | 'size'>,
  open: OpenBlob,
): Promise<RegistryResponse | undefined> {
  if (blob.size <= CHUNK) return uploadAtOnce(connection, repository, blob, open);
  try {
    return await uploadInChunks(connection, repository, blob, open);
  } catch (error) {
    // Not every registry takes chunks, and some forget an upload.
    if (!(error instanceof ChunksRefused)) throw error;
    return uploadAtOnce(connection, repository, blob, open);
  }
}

/** The registry does not take this blob in chunks. */
class ChunksRefused extends Error {
  override readonly name = 'ChunksRefused';
}

async function startUpload(
  { send }: RegistryConnection,
  repository: Repository,
): Promise<{ readonly location: string; readonly chunk: number }> {
  const response = await send({
    method: 'POST',
    path: `/v2/${repository.repository}/blobs/uploads/`,
    body: { content: Buffer.alloc(0), size: 0, mediaType: MEDIA_TYPE },
  });
  await response?.body.dump();
  const location = response === undefined ? undefined : headerOf(response, 'location');
  if (response === undefined || location === undefined)
    throw unexpectedAnswer(
      `${repository.registry}/${repository.repository}`,
      'the answer to the start of an upload has no Location',
    );
  const least = headerOf(response, 'oci-chunk-min-length') ?? '';
  return { location, chunk: /^\d{1,9}$/.test(least) ? Math.min(Math.max(CHUNK, Number(least)), LARGEST_CHUNK) : CHUNK };
}

const uploadAtOnce = (
  connection: RegistryConnection,
  repository: Repository,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  open: OpenBlob,
): Promise<RegistryResponse | undefined> =>
  connection.withRetries(async () => {
    const { location } = await startUpload(connection, repository);
    const path = withDigest(location, digest);
    return connection.send({ method: 'PUT', path, body: { content: await open(), size, mediaType: MEDIA_TYPE } });
  });

async function uploadInChunks(
  connection: RegistryConnection,
  repository: Repository,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  open: OpenBlob,
): Promise<RegistryResponse | undefined> {
  const { send, withRetries } = connection;
  let { location, chunk } = await withRetries(() => startUpload(connection, repository));
  let sent = 0;
  for await (const bytes of chunksOf(connection, open, chunk)) {
    const end = sent + bytes.length;
    let isRepeated = false;
    await withRetries(async () => {
      if (isRepeated) ({ location, sent } = await readProgress(connection, location, end - bytes.length, end));
      isRepeated = true;
      const rest = bytes.subarray(bytes.length - (end - sent));
      if (rest.length === 0) return;
      const response = await send({
        method: 'PATCH',
        path: location,
        range: `${sent}-${end - 1}`,
        body: { content: rest, size: rest.length, mediaType: MEDIA_TYPE },
      }).catch(refusedOrThrow);
      await response?.body.dump();
      location = (response === undefined ? undefined : headerOf(response, 'location')) ?? location;
      sent = end;
    });
    sent = end;
  }
  if (sent !== size) throw unexpectedAnswer(digest, `${sent} bytes were read, not ${size}`);
  let isRepeated = false;
  return withRetries(async () => {
    // An answer that got lost: the registry may have finished the upload, and then it does not know it any more.
    if (isRepeated) ({ location } = await readProgress(connection, location, size, size));
    isRepeated = true;
    const body = { content: Buffer.alloc(0), size: 0, mediaType: MEDIA_TYPE };
    return send({ method: 'PUT', path: withDigest(location, digest), body }).catch(refusedOrThrow);
  });
}

/**
 * Asks the registry how much of an upload it has. Source: OCI distribution-spec, "Pushing a blob in chunks": 204 and a Range header.
 *
 * @throws ChunksRefused if the registry has forgotten the upload, or has another number of bytes than was sent
 */
async function readProgress(
  { send }: RegistryConnection,
  location: string,
  from: number,
  to: number,
): Promise<{ readonly location: string; readonly sent: number }> {
  const response = await send({ method: 'GET', path: location }).catch(refusedOrThrow);
  await response?.body.dump();
  const last = /^(?:bytes=)?0-(\d+)$/.exec(
    (response === undefined ? undefined : headerOf(response, 'range')) ?? '',
  )?.[1];
  // An empty upload has the range 0-0, as one of a single byte; a large one has no chunk of a single byte.
  const sent = last === undefined ? Number.NaN : last === '0' ? 0 : Number(last) + 1;
  if (response === undefined || !(sent >= from && sent <= to)) throw new ChunksRefused('the upload cannot be resumed');
  return { location: headerOf(response, 'location') ?? location, sent };
}

/** A temporary failure is repeated; any other means that the registry takes no chunks. */
function refusedOrThrow(error: unknown): never {
  if (error instanceof TransientError) throw error;
  throw new ChunksRefused('the registry refused a chunk', { cause: error });
}

/**
 * Reads content in chunks. A source that fails is opened again, and what was read is skipped.
 *
 * @param size bytes of a chunk
 */
async function* chunksOf(
  { withRetries }: RegistryConnection,
  open: OpenBlob,
  size: number,
): AsyncGenerator<Buffer, void, void> {
  let read = 0;
  let parts: AsyncIterator<Buffer> | undefined;
  let rest: Buffer = Buffer.alloc(0);
  const openAgain = async (): Promise<AsyncIterator<Buffer>> => {
    const content = await open();
    rest = Buffer.alloc(0);
    const all = Buffer.isBuffer(content) ? Readable.from([content]) : content;
    return skip(all as AsyncIterable<Buffer>, read);
  };
  const next = (): Promise<Buffer> =>
    withRetries(async () => {
      try {
        parts ??= await openAgain();
        const waiting = [rest];
        let length = rest.length;
        while (length < size) {
          const { done, value } = await parts.next();
          if (done === true) break;
          waiting.push(value);
          length += value.length;
        }
        const bytes = Buffer.concat(waiting);
        rest = bytes.subarray(size);
        return bytes.subarray(0, size);
      } catch (error) {
        await parts?.return?.();
        parts = undefined;
        throw error;
      }
    });
  try {
    for (let chunk = await next(); chunk.length > 0; chunk = await next()) {
      read += chunk.length;
      yield chunk;
    }
  } finally {
    await parts?.return?.();
  }
}

async function* skip(content: AsyncIterable<Buffer>, count: number): AsyncGenerator<Buffer> {
  let skipped = 0;
  for await (const part of content) {
    const from = Math.min(part.length, count - skipped);
    skipped += from;
    if (from < part.length) yield part.subarray(from);
  }
}

const withDigest = (location: string, digest: string): string =>
  `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
