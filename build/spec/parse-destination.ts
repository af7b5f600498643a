import type { Problem } from '../problem.ts';
import type { Destination } from './image-spec.ts';
import { BUILD_OPTIONS, type GivenOptions } from './option.ts';

/** A buildx attribute list: `type=oci,dest=openclaw.tar`. */
export const PAIRS = /^[a-z][a-z0-9-]*=[^,\n]+(?:,[a-zA-Z][a-zA-Z0-9.-]*=[^,\n]*)*$/;

/** Parses the destination of the image; only one is allowed. */
export function parseDestination(options: GivenOptions, problems: Problem[]): Destination {
  const given = (['load', 'push', 'output'] as const).filter(
    (name) => options[name] !== undefined && options[name] !== false,
  );
  if (given.length > 1) {
    problems.push({
      source: given.map((name) => `--${name}`).join(' '),
      value: given.map((name) => String(options[name])).join(' '),
      reason: 'are given together, but an image has one destination',
      hint: 'give only one of --load, --push and --output',
    });
  }
  if (options.output !== undefined) return parseOutput(options.output, problems);
  if (options.push !== true) return { kind: 'load' };
  if (options.tag === undefined) {
    problems.push({
      source: '--push',
      value: BUILD_OPTIONS.tag.default,
      reason: 'cannot be pushed: it is the default name for the local engine',
      hint: 'name a repository: --tag registry.example/openclaw:try --push',
    });
  }
  return { kind: 'push' };
}

/** The exporters of buildx, and whether each needs `dest`. Source: https://docs.docker.com/build/exporters/ */
const OUTPUTS: Readonly<Record<string, { readonly dest: boolean } | { readonly instead: string }>> = {
  oci: { dest: true },
  tar: { dest: true },
  local: { dest: true },
  cacheonly: { dest: false },
  // Docker's own archive format cannot contain an index, which carries the annotations.
  docker: { instead: '--load, or --output type=oci,dest=openclaw.tar, which docker load accepts too' },
  image: { instead: '--push, or --load' },
  registry: { instead: '--push' },
};

function parseOutput(value: string, problems: Problem[]): Destination {
  const pairs = new Map(value.split(',').map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
  const type = pairs.get('type') ?? '';
  const rule = Object.hasOwn(OUTPUTS, type) ? OUTPUTS[type] : undefined;
  const wrong = (reason: string, hint: string): void => void problems.push({ source: '--output', value, reason, hint });
  const example = 'for example: --output type=oci,dest=openclaw.tar';
  if (!PAIRS.test(value)) wrong('is not a list of key=value pairs', example);
  else if (rule === undefined) wrong('has an unsupported type (supported: oci, tar, local)', example);
  else if ('instead' in rule)
    wrong('is not supported: it loses annotations or pushes to a registry', `use ${rule.instead}`);
  else if (rule.dest && ['', '-'].includes(pairs.get('dest') ?? ''))
    wrong('needs dest=PATH; standard output is used for the report', `name a file or a folder: ${example}`);
  return { kind: 'output', value };
}
