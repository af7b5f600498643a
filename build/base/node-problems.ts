import { satisfies } from 'semver';
import type { Gateway } from '../gateway/gateway.ts';
import type { Problem } from '../problem.ts';
import type { Base } from './base.ts';
import { bootstrapNodeVersion } from './bootstrap.ts';

/** What keeps a gateway from running on a base: Node of another version than its package.json asks for (`engines.node`). */
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
      reason: `it has Node ${nodeVersion}, and gateway ${version} wants ${nodeRange}`,
      wayOut: `choose a base with such a Node${bootstrapSuits ? ' (--base bootstrap has one)' : ''}, or another version of the gateway with --package`,
    },
  ];
}
