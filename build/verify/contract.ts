import { ANNOTATION_CHECKS } from './annotation-checks.ts';
import type { Check } from './check.ts';
import { CONFIG_CHECKS } from './config-checks.ts';
import { FILE_CHECKS } from './file-checks.ts';
import { RUNNING_CHECKS } from './running-checks.ts';

/** Checks that need no running gateway. */
export const STATIC_CHECKS: readonly Check[] = [...CONFIG_CHECKS, ...ANNOTATION_CHECKS, ...FILE_CHECKS];

/** The image contract: all checks, in the order in which they run. */
export const CONTRACT: readonly Check[] = [...STATIC_CHECKS, ...RUNNING_CHECKS];
