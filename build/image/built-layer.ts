/** A layer of ours, as a build made or found it. */
export interface BuiltLayer {
  readonly name: string;
  readonly holds: string;
  readonly cached: boolean;
  /** Bytes, unpacked; undefined where the image is not in this engine. */
  readonly size: number | undefined;
}
