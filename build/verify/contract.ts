import { ANNOTATION_CHECKS } from './annotation-checks.ts';
import type { Check } from './check.ts';
import { CONFIG_CHECKS } from './config-checks.ts';
import { FILE_CHECKS } from './file-checks.ts';
import { RUNNING_CHECKS } from './running-checks.ts';

/** What can be seen without running the image's command. */
export const STANDING_CHECKS: readonly Check[] = [...CONFIG_CHECKS, ...ANNOTATION_CHECKS, ...FILE_CHECKS];

/** The image contract: every row of it, as checks with a name each, in the order in which they run. */
export const CONTRACT: readonly Check[] = [...STANDING_CHECKS, ...RUNNING_CHECKS];
