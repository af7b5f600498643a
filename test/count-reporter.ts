import type { Reporter, TestModule } from 'vitest/node';

/** `601 passed, 0 failed, 0 skipped`: a line of its own at the end, which CI reads. */
export function countLine(modules: readonly TestModule[]): string {
  const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) count[test.result().state] += 1;
    if (module.state() === 'failed' && [...module.children.allTests()].length === 0) count.failed += 1;
  }
  return `${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`;
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    console.log(countLine(modules));
  }
}
