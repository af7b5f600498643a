import { HELPERS } from './helpers.ts';
import { renderDockerfile } from './render.ts';
import { LABELS } from './runtime-stage.ts';
import { SYSTEM } from './system-stages.ts';

/**
 * The Dockerfile of a run base: Debian's packages of the contract on a base. Its layers are those that a build of a gateway image on the
 * same day has there.
 *
 * @param base `docker.io/library/node:24-bookworm-slim@sha256:…`
 */
export const runBaseDockerfile = (base: string): string =>
  renderDockerfile({
    parameters: [],
    stages: [
      { name: 'base', from: base, why: 'The parent image.', body: '' },
      HELPERS,
      SYSTEM,
      { name: 'run-base', from: SYSTEM.name, why: 'The run base, with its labels.', body: LABELS },
    ],
  });
