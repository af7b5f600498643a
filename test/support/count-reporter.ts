import { basename } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

/** The last line of a run, which CI reads: `601 passed, 0 failed, 0 skipped`. */
export function countLine(modules: readonly TestModule[]): string {
  const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) count[test.result().state] += 1;
    if (module.state() === 'failed' && [...module.children.allTests()].length === 0) count.failed += 1;
  }
  return `${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`;
}

const LINES = 12;

/** The last lines of a long message. The log contains all of it. */
function clipped(text: string): readonly string[] {
  const lines = text.trimEnd().split('\n');
  return lines.length > LINES ? ['[...]', ...lines.slice(-LINES)] : lines;
}

/** The failed tests and their messages, for the end of the log of several runs. */
export function failureLines(modules: readonly TestModule[]): readonly string[] {
  return modules.flatMap((module) =>
    [module, ...module.children.allSuites(), ...module.children.allTests('failed')].flatMap((part) => {
      const errors = part.type === 'test' ? (part.result().errors ?? []) : part.errors();
      const name = [module.relativeModuleId, ...(part.type === 'module' ? [] : [part.fullName])].join(' > ');
      return errors.map(({ message, diff, stacks }) => {
        const at = stacks?.find(({ file }) => file.includes('/test/'));
        const why = [...clipped(message), ...(typeof diff === 'string' ? clipped(diff) : [])].join('\n  ');
        return `FAILED ${name}${at === undefined ? '' : ` (${basename(at.file)}:${at.line})`}\n  ${why}`;
      });
    }),
  );
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    console.log(countLine(modules));
  }
}
