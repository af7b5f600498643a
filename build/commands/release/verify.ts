import { verifySignature } from '../../attest/signature.ts';
import { type CheckResult, isFailed } from '../../check-result.ts';
import { PLATFORMS } from '../../oci/platform.ts';
import { familiarReference } from '../../oci/reference.ts';
import { atDigest, missingImage } from '../../oci/registry.ts';
import { type Problem, RequestError } from '../../problem.ts';
import { publishedChecks, readPublishedImage } from '../../release/published-checks.ts';
import { style } from '../../report/style.ts';
import { table } from '../../report/table.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { referenceOr } from '../../spec/parse-image-spec.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { parsePlatformList } from './release-options.ts';
import { parseTrust, patternOr, TRUST_OPTIONS, type TrustOptions } from './trust-options.ts';

interface VerifyOptions extends TrustOptions {
  readonly source?: string;
  readonly builder?: string;
  readonly platforms?: string;
  readonly json?: boolean;
}

const SOURCE = 'https://github.com/openclaw/openclaw';
const BUILDER = '^https://github\\.com/openclaw/[^/]+/actions/runs/[0-9]+$';

export const verifyCommand = defineCommand({
  name: 'verify',
  description: 'check a published image as a user can: signature, provenance, SBOM, platforms, annotations',
  options: {
    ...TRUST_OPTIONS,
    source: {
      flags: '--source <url>',
      description: 'source repository that the provenance must name',
      unset: `${SOURCE}; any source with --key`,
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
  help: `
To check the image contract on a booted container: scripts/run verify REFERENCE.

Examples:
  scripts/run release verify ghcr.io/openclaw/openclaw:latest
  scripts/run release verify localhost:5000/openclaw:2026.9.6 --key cosign.pub --platforms linux/amd64`,
  run,
}).argument('<reference>', 'image in a registry');

async function run(text: string, options: VerifyOptions): Promise<void> {
  const problems: Problem[] = [];
  const reference = referenceOr(text, '<reference>', 'for example: ghcr.io/openclaw/openclaw:latest', problems);
  const platforms = parsePlatformList(options.platforms, problems);
  const pattern = options.builder ?? (options.key === undefined ? BUILDER : undefined);
  const source = options.source ?? (options.key === undefined ? SOURCE : undefined);
  const expected = {
    ...(source === undefined ? {} : { source }),
    builder: patternOr(pattern, '--builder', problems),
  };
  const trust = parseTrust(options, problems);
  if (reference === undefined || trust === undefined || problems.length > 0) throw new RequestError(problems);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    command.onStep(`reading ${text}`);
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const image = await readPublishedImage(registry, reference, reference.digest ?? reference.tag ?? 'latest');
    if (image === undefined) throw missingImage(familiarReference(reference));
    command.onStep('checking its signature');
    const signature = await verifySignature(registry, reference, image.digest, trust, command.onStep);
    // Everything that the index names by digest is covered by its signature.
    const { by = 'nobody' } = signature;
    const checks = [signature, ...publishedChecks(image, platforms, expected).map((check) => ({ ...check, by }))];
    const failures = checks.filter(isFailed).length;
    const name = atDigest(reference, image.digest);
    const conclusion =
      failures === 0 ? `all ${checks.length} checks passed` : `${failures} of ${checks.length} checks failed`;
    const covered = isFailed(signature)
      ? 'The signature is invalid: anybody could have written these values.'
      : `All values are part of this digest, which is ${signature.found}.`;
    return {
      text: () =>
        [name, '', checkTable(checks), '', covered, style(failures === 0 ? 'green' : 'red', conclusion)].join('\n'),
      json: () => ({
        reference: text,
        digest: image.digest,
        passed: failures === 0,
        // `passed` is the former form of `status`. Remove it with version 0.3.
        checks: checks.map((check) => ({ ...check, passed: !isFailed(check) })),
      }),
      summary: `### ${name}: ${conclusion}\n`,
      failed: failures > 0,
    };
  });
}

const checkTable = (checks: readonly CheckResult[]): string =>
  table(
    ['', 'check', 'what was checked', 'found', 'signed by'],
    checks.map((check) => [
      isFailed(check) ? { color: 'red', text: 'FAIL' } : { color: 'green', text: 'pass' },
      check.name,
      check.checked ?? '',
      check.found,
      check.by ?? '',
    ]),
  );
