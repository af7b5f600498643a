import { Readable } from 'node:stream';

/** A slow line may take a minute to make room in the buffers of the kernel, which hold some megabytes. */
const SECONDS_WITHOUT_AN_UPLOADED_BYTE = 120;
/** After the last byte: the buffers of the kernel, and a registry that moves a large blob to its store. */
const SECONDS_TO_STORE = 300;

export interface WatchedUpload {
  readonly content: Readable | Buffer;
  /** Aborts when the upload makes no progress. */
  readonly signal: AbortSignal;
  readonly stop: () => void;
}

const SLICE = 64 * 1024;

/** Gives up on an upload that makes no progress, however long the whole upload takes. */
export function watchUpload(content: Readable | Buffer): WatchedUpload {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const expect = (seconds: number): void => {
    clearTimeout(timer);
    // An answer can come before the last part of the body was taken; a timer would then keep the process alive.
    if (isStopped) return;
    timer = setTimeout(
      () => controller.abort(Object.assign(new Error(`no answer for ${seconds} seconds`), { code: 'ETIMEDOUT' })),
      seconds * 1000,
    );
  };
  async function* slices(): AsyncGenerator<Buffer> {
    for await (const part of Buffer.isBuffer(content) ? [content] : (content as AsyncIterable<Buffer>))
      for (let at = 0; at < part.length; at += SLICE) {
        expect(SECONDS_WITHOUT_AN_UPLOADED_BYTE);
        yield part.subarray(at, at + SLICE);
      }
    expect(SECONDS_TO_STORE);
  }
  expect(SECONDS_WITHOUT_AN_UPLOADED_BYTE);
  const isSmall = Buffer.isBuffer(content) && content.length <= SLICE;
  return {
    content: isSmall ? content : Readable.from(slices(), { objectMode: false }),
    signal: controller.signal,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
      // A request that failed at once has not touched its body, and an open source would keep its connection.
      if (!Buffer.isBuffer(content)) content.destroy();
    },
  };
}
