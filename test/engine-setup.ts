import type { TestProject } from 'vitest/node';
import { enterShared } from './shared.ts';

/** For tests that begin before the published gateway is built. */
export default (project: TestProject): Promise<() => Promise<void>> => enterShared(project, false);
