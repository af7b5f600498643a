import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchUpload } from '../../../build/oci/watched-upload.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MIB = 1 << 20;

describe('an upload', () => {
  it('is given up if no byte is taken, however few are left', async () => {
    const { signal } = watchUpload(Buffer.alloc(MIB));
    vi.advanceTimersByTime(119_000);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(2000);
    expect(signal.aborted).toBe(true);
  });

  it('goes on while bytes are taken, however long it takes', async () => {
    const { content, signal } = watchUpload(Buffer.alloc(MIB));
    for await (const _ of content as Readable) vi.advanceTimersByTime(20_000);
    expect(signal.aborted).toBe(false);
    // Then the registry stores it.
    vi.advanceTimersByTime(200_000);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(101_000);
    expect(signal.aborted).toBe(true);
  });

  it('that was answered before its last byte was taken leaves no timer, which would keep the process alive', async () => {
    const { content, stop } = watchUpload(Buffer.alloc(MIB));
    stop();
    for await (const _ of content as Readable) expect(vi.getTimerCount()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
