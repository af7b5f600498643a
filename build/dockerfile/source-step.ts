import { UNTRUSTED_MOUNTS } from './step.ts';

/**
 * Build scripts have the network: those of several releases fetch programs (`pnpm dlx rolldown`, dependencies of bundled plugins). They have
 * no token, and nothing that another build reads.
 */
export const BUILD_MOUNTS = UNTRUSTED_MOUNTS;

/** `COPY` lines that keep the paths of a checkout. A folder's contents are copied, so each entry needs a line. */
export const copyEntries = (entries: readonly string[]): string =>
  entries.map((entry) => `COPY ${entry} /app/${entry}`).join('\n');

/**
 * Every step changes to the folder itself. With WORKDIR, another SOURCE_DATE_EPOCH, which is the time of the commit, repeats all steps
 * below it (seen with Docker 28.5, by bench:ci).
 */
export const IN_APP = 'cd /app';
