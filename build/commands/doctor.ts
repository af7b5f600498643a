import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { type CheckResult, isFailed } from '../check-result.ts';
import { DOCTOR_CHECKS, diagnose } from '../doctor/diagnosis.ts';
import { inspectInstallation } from '../doctor/inspect.ts';
import { findRunningEngine } from '../engine/engine.ts';
import { requestError, WorkError } from '../problem.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { readDotEnv } from '../stack/dot-env.ts';
import { defineCommand } from './options.ts';
import { runCommand } from './run-command.ts';

const DOCTOR_OPTIONS = {
  project: { flags: '--project <dir>', description: 'folder with docker-compose.yml and .env', unset: 'this checkout' },
  engine: BUILD_OPTIONS.engine,
  json: BUILD_OPTIONS.json,
} as const;

export const doctorCommand = defineCommand({
  name: 'doctor',
  description: 'check the installation that scripts/docker/setup.sh made, and print a command that fixes each problem',
  options: DOCTOR_OPTIONS,
  help: `
Runs these checks and changes nothing: ${DOCTOR_CHECKS.map(({ name }) => name).join(', ')}.
Exit codes: 0 no check failed (there may be warnings), 1 a check failed.

Examples:
  scripts/run doctor
  scripts/run doctor --json | jq '.results[] | select(.status != "passed")'`,
  run,
});

const SIGNS = {
  passed: { color: 'green', text: 'ok' },
  warning: { color: 'yellow', text: 'WARN' },
  failed: { color: 'red', text: 'FAIL' },
} as const;

async function run({ project, engine: named, json }: OptionValues<typeof DOCTOR_OPTIONS>): Promise<void> {
  const folder = project === undefined ? join(import.meta.dirname, '../..') : resolve(project);
  if (!existsSync(join(folder, 'docker-compose.yml')))
    throw requestError(
      '--project',
      folder,
      'has no docker-compose.yml',
      'name the folder in which scripts/docker/setup.sh was run',
    );
  await runCommand({ json, consequence: 'nothing was changed' }, async (command) => {
    const dotEnv = await readFile(join(folder, '.env'), 'utf8').catch(() => '');
    const kind = process.env['CONTAINER_ENGINE'] || readDotEnv(dotEnv).get('CONTAINER_ENGINE');
    // It serves Podman's API for a few minutes.
    if (kind === 'podman')
      await execa(join(folder, 'scripts/docker/podman-compose.sh'), ['version'], { reject: false });
    const engine = await findRunningEngine(named, kind);
    if (engine === undefined)
      throw new WorkError({
        kind: 'engine-gone',
        title: 'No Docker Engine is running',
        reason: 'No engine is configured, and none answers on the default socket.',
        hint: 'start Docker, or run scripts/engine up',
      });
    command.onStep(`checking the installation in ${folder}`);
    const results = diagnose(await inspectInstallation(engine, folder), process.cwd());
    const failures = results.filter(isFailed).length;
    return {
      text: () => report(results, failures),
      // `findings` with `outcome` and `mend` are the former names. Remove them with version 0.3.
      json: () => ({ passed: failures === 0, results, findings: results.map(withAliases) }),
      failed: failures > 0,
    };
  });
}

function report(results: readonly CheckResult[], failures: number): string {
  const rows = results.map(({ name, status, found, hint }) => [
    SIGNS[status],
    name,
    hint === undefined ? found : [found, `→ ${hint}`],
  ]);
  const summary =
    failures === 0
      ? style('green', 'no problem')
      : style('red', `${failures} ${failures === 1 ? 'problem' : 'problems'}`);
  return `${table(['', 'check', 'found'], rows)}\n\n${summary}`;
}

const FORMER_OUTCOMES = { passed: 'fine', warning: 'warning', failed: 'problem' } as const;

const withAliases = ({ name, status, found, hint }: CheckResult): object => ({
  name,
  outcome: FORMER_OUTCOMES[status],
  found,
  ...(hint === undefined ? {} : { mend: hint }),
});
