import { satisfies } from 'semver';
import type { Gateway } from '../gateway/gateway.ts';
import type { Problem } from '../problem.ts';
import type { Base } from './base.ts';
import { bootstrapNodeVersion } from './bootstrap.ts';

/** Checks the base's Node version against `engines.node` of the gateway. */
export function nodeProblems(
  { name, nodeVersion }: Pick<Base, 'name' | 'nodeVersion'>,
  { version, nodeRange }: Pick<Gateway, 'version' | 'nodeRange'>,
): readonly Problem[] {
  if (satisfies(nodeVersion, nodeRange)) return [];
  const bootstrapSuits = satisfies(bootstrapNodeVersion(), nodeRange);
  return [
    {
      source: '--base',
      value: name,
      reason: `has Node ${nodeVersion}, but gateway ${version} requires ${nodeRange}`,
      hint: `choose another base${bootstrapSuits ? ' (--base bootstrap has a suitable Node)' : ''}, or another gateway version with --package`,
    },
  ];
}
