import { Command } from 'commander';
import { findEngine } from '../engine/engine.ts';
import { parsePlatform } from '../oci/platform.ts';
import { formatReference, type InvalidReferenceError, parseReference } from '../oci/reference.ts';
import { type Problem, RequestError } from '../problem.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { seconds, style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { type Verification, verifyImage } from '../verify/verify-image.ts';
import { interruption } from './interruption.ts';
import { addOptions } from './options.ts';

interface VerifyOptions {
  readonly platform?: string;
  readonly engine?: string;
  readonly json?: boolean;
}

const VERIFY_OPTIONS = {
  platform: {
    flags: '--platform <platform>',
    description: 'platform of the index to boot',
    unset: "the engine's platform",
  },
  engine: BUILD_OPTIONS.engine,
  json: BUILD_OPTIONS.json,
} as const;

export const verifyCommand = (): Command =>
  addOptions(
    new Command('verify')
      .description('check an image against the image contract')
      .argument('<reference>', 'image in the engine or in a registry'),
    VERIFY_OPTIONS,
  )
    .addHelpText(
      'after',
      `
Boots the image, so it takes as long as a start of the gateway. Exit codes: 0 all checks passed, 1 a check failed, 2 the request is not valid.

Examples:
  scripts/run verify openclaw:local
  scripts/run verify localhost:5000/openclaw:try --json`,
    )
    .action(run);

async function run(text: string, options: VerifyOptions): Promise<void> {
  const reference = checkedReference(text, options);
  const view = await progressView(progressMode(options.json === true));
  const { signal, until, because, stop } = interruption('the image was not verified, and no container is left');
  let verification: Verification;
  try {
    const engine = await until(findEngine(options.engine, view.onStep));
    view.onStep(`verifying ${text}`);
    const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
    verification = await verifyImage(
      engine,
      { reference, platform },
      (name) => view.onStep(`checking ${name}`),
      signal,
    );
  } catch (error) {
    throw because(error);
  } finally {
    stop();
    view.close();
  }
  const failed = verification.results.filter(({ outcome }) => !outcome.passed);
  process.stdout.write(
    `${options.json === true ? JSON.stringify({ ...verification, passed: failed.length === 0 }, null, 2) : report(verification)}\n`,
  );
  if (failed.length > 0) process.exitCode = 1;
}

function checkedReference(text: string, { platform }: VerifyOptions): string {
  const problems: Problem[] = [];
  if (platform !== undefined && parsePlatform(platform) === undefined) {
    problems.push({
      source: '--platform',
      value: platform,
      reason: 'is not a platform of the gateway',
      wayOut: 'use linux/amd64 or linux/arm64',
    });
  }
  try {
    const reference = formatReference(parseReference(text));
    if (problems.length === 0) return reference;
  } catch (error) {
    const reason = `is not a valid image reference: ${(error as InvalidReferenceError).message}`;
    problems.push({
      source: '<reference>',
      value: text,
      reason,
      wayOut: 'for example: scripts/run verify openclaw:local',
    });
  }
  throw new RequestError(problems);
}

function report({ reference, digest, source, results }: Verification): string {
  const rows = results.map(({ name, row, outcome, seconds: time }) => [
    outcome.passed ? style('green', 'pass') : style('red', 'FAIL'),
    name,
    row,
    outcome.passed ? outcome.found : `${outcome.found}; wanted: ${outcome.wanted}`,
    time < 0.5 ? '' : seconds(time),
  ]);
  const failed = results.filter(({ outcome }) => !outcome.passed).length;
  return [
    `${reference} (${source})`,
    digest,
    '',
    table([{ head: '' }, { head: 'check' }, { head: 'row' }, { head: 'found' }, { head: '', align: 'right' }], rows),
    '',
    failed === 0
      ? style('green', `all ${results.length} checks passed`)
      : style('red', `${failed} of ${results.length} checks failed`),
  ].join('\n');
}
