const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
/** Bytes of the dictionary's id and of the content's size, by their flags. */
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const SIZE_BYTES = [0, 2, 4, 8] as const;
const RAW_REPEATED = 1;
const RESERVED = 3;

/**
 * Cuts zstd content at the ends of its frames, and leaves out skippable ones. Node's decompressor ignores what follows a frame in the
 * same chunk, and layers of Podman have many frames. Source: RFC 8878, sections 3.1.1 and 3.1.2
 *
 * @returns chunks with bytes of one frame each
 * @throws Error if it is not zstd, or incomplete
 */
export async function* zstdFrames(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = content[Symbol.asyncIterator]();
  let buffered: Buffer = Buffer.alloc(0);
  const take = async (count: number): Promise<Buffer> => {
    while (buffered.length < count) {
      const { done, value } = await chunks.next();
      if (done === true) throw new Error('the zstd content ends within a frame');
      buffered = buffered.length === 0 ? value : Buffer.concat([buffered, value]);
    }
    const taken = buffered.subarray(0, count);
    buffered = buffered.subarray(count);
    return taken;
  };
  const isAtEnd = async (): Promise<boolean> => {
    while (buffered.length === 0) {
      const { done, value } = await chunks.next();
      if (done === true) return true;
      buffered = value;
    }
    return false;
  };
  while (!(await isAtEnd())) {
    const magic = await take(4);
    const number = magic.readUInt32LE();
    if ((number & 0xfffffff0) >>> 0 === SKIPPABLE) {
      const length = (await take(4)).readUInt32LE();
      for (let rest = length; rest > 0; rest -= (await take(Math.min(rest, 1 << 16))).length);
      continue;
    }
    if (number !== FRAME) throw new Error('the content is not zstd');
    const descriptor = await take(1);
    const flags = descriptor.readUInt8();
    const isSingle = (flags & 0x20) !== 0;
    const sizeFlag = flags >> 6;
    const sizeBytes = sizeFlag === 0 && isSingle ? 1 : (SIZE_BYTES[sizeFlag] ?? 0);
    const head = await take((isSingle ? 0 : 1) + (DICTIONARY_BYTES[flags & 3] ?? 0) + sizeBytes);
    yield Buffer.concat([magic, descriptor, head]);
    for (let isLast = false; !isLast; ) {
      const header = await take(3);
      const block = header.readUIntLE(0, 3);
      isLast = (block & 1) === 1;
      const kind = (block >> 1) & 3;
      if (kind === RESERVED) throw new Error('the zstd content has an invalid block');
      yield Buffer.concat([header, await take(kind === RAW_REPEATED ? 1 : block >> 3)]);
    }
    if ((flags & 4) !== 0) yield await take(4);
  }
}
