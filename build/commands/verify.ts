import { isFailed } from '../check-result.ts';
import { findEngine } from '../engine/engine.ts';
import { isOnThisHost } from '../engine/engine-address.ts';
import { parsePlatform } from '../oci/platform.ts';
import { formatReference, type InvalidReferenceError, parseReference } from '../oci/reference.ts';
import { type Problem, problemWith, RequestError } from '../problem.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { seconds } from '../units.ts';
import { readBudget } from '../verify/budget.ts';
import type { ContractResult } from '../verify/check.ts';
import { IDENTITIES, parseIdentities } from '../verify/identity-checks.ts';
import { type Verification, verifyImage } from '../verify/verify-image.ts';
import { defineCommand, parseCa } from './options.ts';
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
  maxSize: {
    flags: '--max-size <size>',
    description: 'fail if the compressed layers are larger than this',
    example: '--max-size 250MB',
  },
  maxWaste: {
    flags: '--max-waste <percent>',
    description: 'fail if later layers replace or remove a larger share of the unpacked bytes',
    example: '--max-waste 1%',
  },
  budget: {
    flags: '--budget <file>',
    description: 'JSON file with these limits: {"maxSize": "250MB", "maxWaste": "1%"}',
    example: '--budget dockerfiles/budget.json',
  },
  ca: {
    ...BUILD_OPTIONS.ca,
    description: 'PEM file with certificate authorities that the started gateway trusts in addition',
  },
  engine: BUILD_OPTIONS.engine,
  json: BUILD_OPTIONS.json,
} as const;

export const verifyCommand = defineCommand({
  name: 'verify',
  description: 'check an image against the image contract',
  options: VERIFY_OPTIONS,
  help: `
Boots the image, so it takes as long as a start of the gateway. Exit codes: 0 all checks passed, 1 a check failed, 2 the request is not valid.

Examples:
  scripts/run verify openclaw:local
  scripts/run verify openclaw:local --identity all
  scripts/run verify openclaw:local --budget dockerfiles/budget.json
  scripts/run verify localhost:5000/openclaw:try --json`,
  run,
}).argument('<reference>', 'image in the engine or in a registry');

async function run(text: string, options: OptionValues<typeof VERIFY_OPTIONS>): Promise<void> {
  const problems: Problem[] = [];
  const reference = checkedReference(text, options, problems);
  const budget = await readBudget(options, options.budget, problems);
  if (reference === undefined || problems.length > 0) throw new RequestError(problems);
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const ca = parseCa(options.ca);
  const consequence = 'the image was not verified, and its containers were removed';
  await runCommand({ json: options.json, consequence, cleansUp: true }, async (command) => {
    const engine = await command.orInterrupted(findEngine(options.engine, command.onStep));
    command.onStep(`verifying ${text}`);
    const onCheck = (name: string): void => command.onStep(`checking ${name}`);
    const isHere = isOnThisHost(engine.host);
    if (!isHere && options.ca !== undefined) throw new RequestError([caElsewhere(options.ca, engine.host)]);
    const identities = parseIdentities(options.identity ?? 'none') ?? [];
    const request = { reference, platform, identities, ca: isHere ? ca : undefined, budget };
    const verification = await verifyImage(engine, request, onCheck, command.signal);
    const failed = verification.results.some(isFailed);
    return {
      text: () => report(verification),
      json: () => ({ ...verification, results: verification.results.map(withAlias), passed: !failed }),
      failed,
    };
  });
}

const caElsewhere = (value: string, host: string): Problem =>
  problemWith(
    '--ca',
    value,
    `cannot be mounted: the engine ${host} runs on another host`,
    'verify the image with an engine of this host, or leave the option out',
  );

/** `outcome` is the former form of the result. Remove it with version 0.3. */
const withAlias = (result: ContractResult): object => ({
  ...result,
  outcome: isFailed(result)
    ? { passed: false, found: result.found, wanted: result.expected ?? '' }
    : { passed: true, found: result.found },
});

function checkedReference(
  text: string,
  { platform, identity }: OptionValues<typeof VERIFY_OPTIONS>,
  problems: Problem[],
): string | undefined {
  if (platform !== undefined && parsePlatform(platform) === undefined) {
    problems.push(
      problemWith('--platform', platform, 'is not a platform of the gateway', 'use linux/amd64 or linux/arm64'),
    );
  }
  if (identity !== undefined && parseIdentities(identity) === undefined) {
    problems.push(
      problemWith(
        '--identity',
        identity,
        'is not a list of user and group ids',
        'write numbers, for example --identity 99:100,1000950000:0, or --identity all',
      ),
    );
  }
  try {
    return formatReference(parseReference(text));
  } catch (error) {
    const reason = `is not a valid image reference: ${(error as InvalidReferenceError).message}`;
    problems.push(problemWith('<reference>', text, reason, 'for example: scripts/run verify openclaw:local'));
  }
  return undefined;
}

const SIGNS = {
  passed: { color: 'green', text: 'pass' },
  warning: { color: 'yellow', text: 'WARN' },
  failed: { color: 'red', text: 'FAIL' },
} as const;

function report({ reference, digest, source, results }: Verification): string {
  const rows = results.map((result) => [
    SIGNS[result.status],
    result.name,
    result.row,
    result.expected === undefined ? result.found : `${result.found}; expected: ${result.expected}`,
    result.seconds < 0.5 ? '' : seconds(result.seconds),
  ]);
  const failures = results.filter(isFailed).length;
  const warnings = results.filter(({ status }) => status === 'warning').length;
  return [
    `${reference} (${source})`,
    digest,
    '',
    table(['', 'check', 'row', 'found', { right: '' }], rows),
    '',
    `This host checked every row on a container of this digest. Signatures were not checked; to check them: scripts/run release verify ${source === 'engine' ? 'REFERENCE' : reference}`,
    failures === 0
      ? style('green', `all ${results.length} checks passed${warnings === 0 ? '' : `, ${warnings} with a warning`}`)
      : style('red', `${failures} of ${results.length} checks failed (see docs/contract.md)`),
  ].join('\n');
}
