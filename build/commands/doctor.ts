import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { DOCTOR_CHECKS, diagnose } from '../doctor/diagnosis.ts';
import { examineInstallation } from '../doctor/examine.ts';
import { findRunningEngine } from '../engine/engine.ts';
import { RequestError, WorkError } from '../problem.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { addOptions } from './options.ts';

const DOCTOR_OPTIONS = {
  project: { flags: '--project <dir>', description: 'folder with docker-compose.yml and .env', unset: 'this checkout' },
  engine: BUILD_OPTIONS.engine,
  json: BUILD_OPTIONS.json,
} as const;

export const doctorCommand = (): Command =>
  addOptions(
    new Command('doctor').description(
      'check the installation that scripts/docker/setup.sh made, and print a command that fixes each problem',
    ),
    DOCTOR_OPTIONS,
  )
    .addHelpText(
      'after',
      `
Runs these checks and changes nothing: ${DOCTOR_CHECKS.map(({ name }) => name).join(', ')}.
Exit codes: 0 no check failed (there may be warnings), 1 a check failed.

Examples:
  scripts/run doctor
  scripts/run doctor --json | jq '.results[] | select(.status != "passed")'`,
    )
    .action(run);

const SIGNS = { passed: ['green', 'ok'], warning: ['yellow', 'WARN'], failed: ['red', 'FAIL'] } as const;

interface DoctorOptions {
  readonly project?: string;
  readonly engine?: string;
  readonly json?: boolean;
}

async function run({ project, engine: named, json }: DoctorOptions): Promise<void> {
  const folder = project === undefined ? join(import.meta.dirname, '../..') : resolve(project);
  if (!existsSync(join(folder, 'docker-compose.yml')))
    throw new RequestError([
      {
        source: '--project',
        value: folder,
        reason: 'has no docker-compose.yml',
        wayOut: 'name the folder in which scripts/docker/setup.sh was run',
      },
    ]);
  const engine = await findRunningEngine(named);
  if (engine === undefined)
    throw new WorkError({
      kind: 'engine-gone',
      title: 'No Docker Engine is running',
      reason: 'no engine is configured, and none answers on the default socket',
      wayOut: 'start Docker, or run scripts/engine up',
    });
  const installation = await examineInstallation(engine, folder);
  const findings = diagnose(installation);
  const problems = findings.filter(({ outcome }) => outcome === 'problem').length;
  if (json === true) process.stdout.write(`${JSON.stringify({ passed: problems === 0, findings }, null, 2)}\n`);
  else {
    const rows = findings.map(({ name, outcome, found, mend }) => {
      const [colour, word] = SIGNS[outcome];
      return [style(colour, word), name, mend === undefined ? found : `${found}\n→ ${mend}`];
    });
    const summary = problems === 0 ? style('green', 'no problem') : style('red', `${problems} to mend`);
    process.stdout.write(`${table([{ head: '' }, { head: 'check' }, { head: 'found' }], rows)}\n\n${summary}\n`);
  }
  if (problems > 0) process.exitCode = 1;
}
