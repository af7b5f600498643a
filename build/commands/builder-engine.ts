import { type Engine, findBuilderCommand, findEngine } from '../engine/engine.ts';

/** What runs buildx: an engine, or where a remote builder pushes what it builds, the command alone. */
export function findBuilderEngine(
  named: string | undefined,
  builder: string | undefined,
  loads: boolean,
  onStep: (step: string) => void,
): Promise<Pick<Engine, 'docker' | 'environment'> & Partial<Engine>> {
  return builder === undefined || loads ? findEngine(named, onStep) : findBuilderCommand();
}
