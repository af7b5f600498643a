import { Command } from 'commander';
import { isFailed } from '../check-result.ts';
import { findEngine } from '../engine/engine.ts';
import { parsePlatform } from '../oci/platform.ts';
import { formatReference, type InvalidReferenceError, parseReference } from '../oci/reference.ts';
import { type Problem, RequestError } from '../problem.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { seconds } from '../units.ts';
import type { ContractResult } from '../verify/check.ts';
import { IDENTITIES, parseIdentities } from '../verify/identity-checks.ts';
import { type Verification, verifyImage } from '../verify/verify-image.ts';
import { addOptions } from './options.ts';
import { runCommand } from './run-command.ts';

const VERIFY_OPTIONS = {
  platform: {
    flags: '--platform <platform>',
    description: 'platform of the index to boot',
    unset: "the engine's platform",
  },
  identity: {
    flags: '--identity <uid:gid,...>',
    description: `start the image as these users too, as it is and hardened; all: ${IDENTITIES.join(', ')}`,
    example: '--identity 99:100',
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
  scripts/run verify openclaw:local --identity all
  scripts/run verify localhost:5000/openclaw:try --json`,
    )
    .action(run);

async function run(text: string, options: OptionValues<typeof VERIFY_OPTIONS>): Promise<void> {
  const reference = checkedReference(text, options);
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const consequence = 'the image was not verified, and its containers were removed';
  await runCommand({ json: options.json, consequence, cleansUp: true }, async (command) => {
    const engine = await command.orInterrupted(findEngine(options.engine, command.onStep));
    command.onStep(`verifying ${text}`);
    const onCheck = (name: string): void => command.onStep(`checking ${name}`);
    const request = { reference, platform, identities: parseIdentities(options.identity ?? 'none') ?? [] };
    const verification = await verifyImage(engine, request, onCheck, command.signal);
    const failed = verification.results.some(isFailed);
    return {
      text: () => report(verification),
      json: () => ({ ...verification, results: verification.results.map(withAlias), passed: !failed }),
      failed,
    };
  });
}

/** `outcome` is the former form of the result. Remove it with version 0.3. */
const withAlias = (result: ContractResult): object => ({
  ...result,
  outcome: isFailed(result)
    ? { passed: false, found: result.found, wanted: result.expected ?? '' }
    : { passed: true, found: result.found },
});

function checkedReference(text: string, { platform, identity }: OptionValues<typeof VERIFY_OPTIONS>): string {
  const problems: Problem[] = [];
  if (platform !== undefined && parsePlatform(platform) === undefined) {
    problems.push({
      source: '--platform',
      value: platform,
      reason: 'is not a platform of the gateway',
      hint: 'use linux/amd64 or linux/arm64',
    });
  }
  if (identity !== undefined && parseIdentities(identity) === undefined) {
    problems.push({
      source: '--identity',
      value: identity,
      reason: 'is not a list of user and group ids',
      hint: 'write numbers, for example --identity 99:100,1000950000:0, or --identity all',
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
      hint: 'for example: scripts/run verify openclaw:local',
    });
  }
  throw new RequestError(problems);
}

function report({ reference, digest, source, results }: Verification): string {
  const rows = results.map((result) => [
    isFailed(result) ? style('red', 'FAIL') : style('green', 'pass'),
    result.name,
    result.row,
    result.expected === undefined ? result.found : `${result.found}; expected: ${result.expected}`,
    result.seconds < 0.5 ? '' : seconds(result.seconds),
  ]);
  const failures = results.filter(isFailed).length;
  return [
    `${reference} (${source})`,
    digest,
    '',
    table([{ head: '' }, { head: 'check' }, { head: 'row' }, { head: 'found' }, { head: '', align: 'right' }], rows),
    '',
    `This host checked every row on a container of this digest. It checked no signature: scripts/run release verify ${source === 'engine' ? 'REFERENCE' : reference} does.`,
    failures === 0
      ? style('green', `all ${results.length} checks passed`)
      : style('red', `${failures} of ${results.length} checks failed (see docs/contract.md)`),
  ].join('\n');
}
