import type { TestProject } from 'vitest/node';
import { enterShared } from './shared.ts';

/** For tests of the published gateway. */
export default (project: TestProject): Promise<() => Promise<void>> => enterShared(project, true);
