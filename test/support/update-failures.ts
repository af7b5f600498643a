import type { Fault } from './next-gateway.ts';
import type { Event } from './run-with-events.ts';

/** A failure during an update, and the gateway that runs in the end. */
export interface Failure {
  readonly name: string;
  /** Fault of the new image. */
  readonly fault?: Fault;
  /** Options of setup. */
  readonly options?: readonly string[];
  /** It happens in the rollback of an update that has ended. */
  readonly rollback?: true;
  /** A message of setup, and what happens when it is printed. */
  readonly when?: Event;
  /** Bytes of the disk for snapshots. */
  readonly disk?: string;
  readonly ends: 'old' | 'new';
  /** Not only every night. */
  readonly always?: true;
}

const STEPS = [
  'Using',
  'Rehearsing the update',
  'copied',
  'the new gateway started',
  'Writing the files of Compose',
  'Updating the gateway',
  'saved the state',
  'Changing the owner',
  'Starting the gateway',
] as const;
const ALWAYS = new Set([
  'SIGKILL copied',
  'SIGKILL Updating the gateway',
  'SIGKILL saved the state',
  'SIGTERM Starting the gateway',
]);

const ROLLBACK_EVENTS = [
  ['Rolling back', 'SIGINT'],
  ['Rolling back', 'SIGKILL'],
  ['saved the state', 'SIGINT'],
  ['saved the state', 'SIGKILL'],
  ['saved the state', 'engine'],
  ['Starting the gateway', 'SIGTERM'],
  ['Starting the gateway', 'SIGKILL'],
  ['Starting the gateway', 'engine'],
] as const;

/** Steps after which the state may have changed. */
export const LATE = new Set<string>(['saved the state', 'Changing the owner', 'Starting the gateway']);

export const FAILURES: readonly Failure[] = [
  // A killed setup leaves what it has done. The next one restores the state, and then updates.
  ...STEPS.flatMap((step) =>
    (['SIGKILL', 'SIGTERM'] as const).map(
      (signal): Failure => ({
        name: `${signal} at "${step}"`,
        when: [step, signal],
        ends: signal === 'SIGKILL' ? 'new' : 'old',
        ...(ALWAYS.has(`${signal} ${step}`) ? { always: true } : {}),
      }),
    ),
  ),
  { name: 'Ctrl-C in the rehearsal', when: ['copied', 'SIGINT'], ends: 'old', always: true },
  { name: 'Ctrl-C when the state is saved', when: ['saved the state', 'SIGINT'], ends: 'old' },
  { name: 'Ctrl-C at the start', when: ['Starting the gateway', 'SIGINT'], ends: 'old' },
  { name: 'an image that does not start', fault: 'start', ends: 'old', always: true },
  { name: 'the same, without a rehearsal', fault: 'start', options: ['--skip-rehearsal'], ends: 'old' },
  { name: 'an image that fails after its migration', fault: 'online', ends: 'old', always: true },
  { name: 'a migration that fails half-way', fault: 'half', ends: 'old', always: true },
  { name: 'a state that needs a repair', fault: 'repair', ends: 'old', always: true },
  { name: 'a full disk in the rehearsal', disk: '100k', ends: 'old', always: true },
  { name: 'a full disk when the state is saved', disk: '100k', options: ['--skip-rehearsal'], ends: 'old' },
  {
    name: 'an engine that restarts when the state is saved',
    when: ['saved the state', 'engine'],
    ends: 'old',
    always: true,
  },
  { name: 'an engine that restarts in the rehearsal', when: ['copied', 'engine'], ends: 'old' },
  { name: 'an engine that restarts at the start', when: ['Starting the gateway', 'engine'], ends: 'old' },
  ...ROLLBACK_EVENTS.map(
    (when): Failure => ({
      name: `${when[1]} at "${when[0]}" of a rollback`,
      options: ['--rollback'],
      rollback: true,
      when,
      ends: 'new',
      ...(when[1] === 'SIGTERM' ? { always: true } : {}),
    }),
  ),
];

/** The tests of a real pair that `npm test` runs, because whole gateways take minutes. All run every night. */
export const ALWAYS_WITH_REAL = new Set([
  'updates, keeps a snapshot that doctor lists, and goes back',
  'an image that does not start',
  'an image that fails after its migration',
  'a state that needs a repair',
  'a full disk in the rehearsal',
  'an engine that restarts in the rehearsal',
]);
