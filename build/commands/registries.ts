import { openRegistries, type Registry } from '../oci/registry.ts';
import type { ProgressView } from '../report/build-progress.ts';
import { seconds } from '../units.ts';

/** How long a command that only reads retries after a temporary failure. */
export const PLAN_RETRY_SECONDS = 5;
/** How long a release retries after a temporary failure. */
export const RELEASE_RETRY_SECONDS = 90;

/** Opens registries, and reports each pause before a retry. @param retrySeconds time limit for retries */
export const openRegistriesFor = (
  view: Pick<ProgressView, 'onStep'>,
  retrySeconds: number,
  signal?: AbortSignal,
): Registry =>
  openRegistries({
    retries: {
      seconds: retrySeconds,
      onWait: (reason, wait) => view.onStep(`${reason}; retrying in ${seconds(wait)}`),
      signal,
    },
  });
