import { existsSync } from 'node:fs';
import { ISSUER, type Trust } from '../../attest/signature.ts';
import { type Problem, RequestError } from '../../problem.ts';
import type { OptionValues } from '../../spec/option.ts';

// The workflows that sign, by name: a workflow of another repository of the organisation may not sign releases. refresh.yml calls
// release.yml, and a called workflow signs under its own name.
const IDENTITY =
  '^https://github\\.com/openclaw/openclaw(-image)?/\\.github/workflows/(release|promote)\\.yml@refs/(heads/main|tags/v.*)$';

/** Options that say whose signatures count. */
export const TRUST_OPTIONS = {
  key: { flags: '--key <file>', description: 'cosign public key that signatures must match', unset: 'keyless' },
  identity: {
    flags: '--identity <pattern>',
    description: 'regular expression for the keyless identity that signs releases',
    default: IDENTITY,
  },
  issuer: { flags: '--issuer <url>', description: 'OpenID Connect issuer of that identity', default: ISSUER },
} as const;

export type TrustOptions = OptionValues<typeof TRUST_OPTIONS>;

/** @returns undefined with problems */
export function parseTrust({ key, identity, issuer }: TrustOptions, problems: Problem[]): Trust | undefined {
  if (key !== undefined) {
    if (existsSync(key) || key.includes('://')) return { kind: 'key', file: key };
    const hint = 'give the public key that cosign generate-key-pair wrote: --key cosign.pub';
    problems.push({ source: '--key', value: key, reason: 'does not exist', hint });
    return undefined;
  }
  const pattern = identity ?? IDENTITY;
  if (patternOr(pattern, '--identity', problems) === undefined) return undefined;
  return { kind: 'keyless', identity: pattern, issuer: issuer ?? ISSUER };
}

/** @throws RequestError if an option is not valid */
export function requireTrust(options: TrustOptions): Trust {
  const problems: Problem[] = [];
  const trust = parseTrust(options, problems);
  if (trust === undefined) throw new RequestError(problems);
  return trust;
}

export function patternOr(value: string | undefined, source: string, problems: Problem[]): RegExp | undefined {
  try {
    return value === undefined ? undefined : new RegExp(value);
  } catch (error) {
    const hint = 'escape characters with a special meaning: https://github\\.com/…';
    problems.push({ source, value: value ?? '', reason: (error as Error).message, hint });
    return undefined;
  }
}
