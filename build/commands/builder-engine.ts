import type { DockerCli } from '../engine/docker-cli.ts';
import { type Engine, findBuilderCommand, findEngine } from '../engine/engine.ts';

/** The command that runs buildx: an engine, or only the Docker CLI if a remote builder pushes the image. */
export function findBuilderEngine(
  named: string | undefined,
  builder: string | undefined,
  loads: boolean,
  onStep: (step: string) => void,
): Promise<DockerCli & Partial<Engine>> {
  return builder === undefined || loads ? findEngine(named, onStep) : findBuilderCommand();
}
