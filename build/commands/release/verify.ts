import { Command } from 'commander';
import { PLATFORMS } from '../../oci/platform.ts';
import { familiarReference, type Reference } from '../../oci/reference.ts';
import { atDigest, missingImage } from '../../oci/registry.ts';
import { type Problem, RequestError } from '../../problem.ts';
import { publishedChecks, readPublishedImage } from '../../release/published-checks.ts';
import { ISSUER, type Trust, verifySignature } from '../../release/signature.ts';
import { progressMode, progressView } from '../../report/build-progress.ts';
import { writeJobSummary } from '../../report/job-summary.ts';
import { style } from '../../report/style.ts';
import { table } from '../../report/table.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { referenceOr } from '../../spec/parse-image-spec.ts';
import { addOptions } from '../options.ts';
import { PLAN_PATIENCE, registriesFor } from './release-options.ts';

interface VerifyOptions {
  readonly key?: string;
  readonly identity?: string;
  readonly issuer?: string;
  readonly source?: string;
  readonly builder?: string;
  readonly platforms?: string;
  readonly json?: boolean;
}

const SOURCE = 'https://github.com/openclaw/openclaw';
const BUILDER = '^https://github\\.com/openclaw/[^/]+/actions/runs/[0-9]+$';
const IDENTITY =
  '^https://github\\.com/openclaw/[^/]+/\\.github/workflows/(release|refresh)\\.yml@refs/(heads/main|tags/v.*)$';

export const verifyCommand = (): Command =>
  addOptions(
    new Command('verify')
      .description(
        'check a published image as a user can: signature, provenance, SBOM, platforms, annotations',
      )
      .argument('<reference>', 'image in a registry'),
    {
      key: { flags: '--key <file>', description: 'cosign public key that the signature must match', unset: 'keyless' },
      identity: {
        flags: '--identity <pattern>',
        description: 'regular expression for the keyless identity that signed the image',
        default: IDENTITY,
      },
      issuer: { flags: '--issuer <url>', description: 'OpenID Connect issuer of that identity', default: ISSUER },
      source: {
        flags: '--source <url>',
        description: 'source repository that the provenance must name',
        default: SOURCE,
      },
      builder: {
        flags: '--builder <pattern>',
        description: 'regular expression for the builder that the provenance must name',
        unset: "workflow runs of the gateway's owner on GitHub; any builder with --key",
      },
      platforms: {
        flags: '--platforms <platforms>',
        description: 'required platforms, separated by commas',
        default: PLATFORMS.join(','),
      },
      json: BUILD_OPTIONS.json,
    },
  )
    .addHelpText(
      'after',
      `
To check the image contract on a booted container: scripts/run verify REFERENCE.

Examples:
  scripts/run release verify ghcr.io/openclaw/openclaw:latest
  scripts/run release verify localhost:5000/openclaw:2026.9.6 --key cosign.pub --platforms linux/amd64`,
    )
    .action(run);

async function run(text: string, options: VerifyOptions): Promise<void> {
  const problems: Problem[] = [];
  const found = referenceOr(text, '<reference>', 'for example: ghcr.io/openclaw/openclaw:latest', problems);
  const given = (options.platforms ?? PLATFORMS.join(',')).split(',').map((word) => word.trim());
  const platforms = given.flatMap((value) => {
    const known = PLATFORMS.find((one) => one === value);
    if (known === undefined)
      problems.push({
        source: '--platforms',
        value,
        reason: 'is not supported',
        wayOut: `choose from ${PLATFORMS.join(', ')}`,
      });
    return known ?? [];
  });
  if (found === undefined || problems.length > 0) throw new RequestError(problems);
  const reference: Reference = found;
  const trust: Trust =
    options.key === undefined
      ? { kind: 'keyless', identity: options.identity ?? IDENTITY, issuer: options.issuer ?? ISSUER }
      : { kind: 'key', file: options.key };
  const builder = options.builder ?? (options.key === undefined ? BUILDER : undefined);
  const expected = { source: options.source ?? SOURCE, builder: patternOr(builder, '--builder', problems) };
  patternOr(options.identity, '--identity', problems);
  if (problems.length > 0) throw new RequestError(problems);
  const view = await progressView(progressMode(options.json === true));
  try {
    view.onStep(`reading ${text}`);
    const registry = registriesFor(view, PLAN_PATIENCE);
    const image = await readPublishedImage(registry, reference, reference.digest ?? reference.tag ?? 'latest');
    if (image === undefined) throw missingImage(familiarReference(reference));
    view.onStep('checking its signature');
    const signature = await verifySignature(registry, reference, image.digest, trust, view.onStep);
    const checks = [signature, ...publishedChecks(image, platforms, expected)];
    view.close();
    const failed = checks.filter(({ passed }) => !passed);
    const end =
      failed.length === 0 ? `all ${checks.length} checks passed` : `${failed.length} of ${checks.length} checks failed`;
    await writeJobSummary(`### ${atDigest(reference, image.digest)}: ${end}\n`);
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ reference: text, digest: image.digest, passed: failed.length === 0, checks }, null, 2)}\n`
        : [
            atDigest(reference, image.digest),
            '',
            table(
              [{ head: '' }, { head: 'check' }, { head: 'found' }],
              checks.map(({ name, passed, found: what }) => [
                passed ? style('green', 'pass') : style('red', 'FAIL'),
                name,
                what,
              ]),
            ),
            '',
            style(failed.length === 0 ? 'green' : 'red', end),
            '',
          ].join('\n'),
    );
    if (failed.length > 0) process.exitCode = 1;
  } finally {
    view.close();
  }
}

function patternOr(value: string | undefined, source: string, problems: Problem[]): RegExp | undefined {
  try {
    return value === undefined ? undefined : new RegExp(value);
  } catch (error) {
    const wayOut = 'escape characters with a special meaning: https://github\\.com/…';
    problems.push({ source, value: value ?? '', reason: (error as Error).message, wayOut });
    return undefined;
  }
}
