/** A snapshot that setup made before an update or a rollback: scripts/docker/setup/snapshots.sh writes it. */
export interface Snapshot {
  readonly number: number;
  /** The work that followed it: `update`, `repair` or `rollback`. `interrupted`: the state that an interrupted update has left. */
  readonly kind: string;
  /** Versions of the gateway: the saved one, and the one that followed; empty if unknown. */
  readonly version: string;
  readonly nextVersion: string;
  /** Date and time in ISO 8601. */
  readonly created: string;
  /** Its size on the disk. */
  readonly bytes: number;
  /** Whether its update did not end, so that the next setup restores it. */
  readonly unfinished: boolean;
}

/** @param text lines `NAME=VALUE` of the file `snapshot` */
export function parseSnapshot(number: number, text: string, unfinished: boolean): Snapshot {
  const values = new Map(
    text.split('\n').map((line): [string, string] => {
      const [name = '', ...value] = line.split('=');
      return [name, value.join('=')];
    }),
  );
  const value = (name: string): string => values.get(name) ?? '';
  return {
    number,
    kind: value('kind'),
    version: value('version'),
    nextVersion: value('next_version'),
    created: value('created'),
    bytes: Number(value('bytes')) || 0,
    unfinished,
  };
}
