import type { Checkout, Gateway } from '../gateway/gateway.ts';
import { openGit } from '../gateway/git.ts';
import { filesThatDiffer } from '../gateway/git-revision.ts';
import { type ResolvedInputs, resolveInputs } from '../image/resolve-inputs.ts';
import { type Problem, problemWith, RequestError, requestError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { PerImage, VariantImage } from '../spec/variant.ts';
import type { Release } from './release.ts';

/** The resolved inputs of a release, the same for every platform. */
export interface ResolvedRelease {
  readonly specs: PerImage<ImageSpec>;
  readonly inputs: PerImage<ResolvedInputs>;
  /**
   * The day, ISO 8601. The first build of a day asks Debian for its packages, whatever caches have: else a release after a refresh would
   * go back to the packages of an old cache.
   */
  readonly packagesDate: string;
  /** When the image of a pull request may be removed; ISO 8601. */
  readonly expires?: string;
  /** SOURCE_DATE_EPOCH: equal on every machine that builds a platform. */
  readonly epoch: number;
  readonly revision: string;
  readonly source: string;
  /** Integrity of the package, or revision of the checkout. */
  readonly identity: string;
}

/**
 * Resolves the inputs of a release, and refuses those that must not be released.
 *
 * @throws RequestError with every problem
 */
export async function resolveRelease(
  release: Release,
  specs: PerImage<ImageSpec>,
  problems: readonly Problem[],
  onStep: (step: string) => void,
): Promise<ResolvedRelease> {
  const inputs: Partial<Record<VariantImage, ResolvedInputs>> = {};
  // In sequence: the second image uses the packages that the first one downloaded. Every release is reproducible, so its
  // dependencies are locked independently even before its epoch is known.
  for (const [image, spec] of entriesOf(specs))
    inputs[image] = await resolveInputs({ ...spec, sourceDateEpoch: spec.sourceDateEpoch ?? 0 }, problems, onStep);
  const [first] = Object.values(inputs);
  const [spec] = entriesOf(specs).map(([, value]) => value);
  if (first === undefined || spec === undefined) throw new RequestError(problems);
  const { gateway } = first;
  const refused = [...versionProblems(release, gateway), ...(await checkoutProblems(release, gateway))];
  if (refused.length > 0) throw new RequestError(refused);
  const identity = gateway.kind === 'package' ? gateway.integrity : gateway.revision;
  const epoch = epochOf(release, spec, gateway);
  const packagesDate = dayOf(release.date);
  return { specs, inputs, packagesDate, epoch, revision: gateway.revision, source: gateway.repository, identity };
}

/** The entries of a value per image. */
export const entriesOf = <T>(values: PerImage<T>): readonly (readonly [VariantImage, T])[] =>
  Object.entries(values) as [VariantImage, T][];

/** `20260921` → `2026-09-21` */
export const dayOf = (date: string): string => date.replace(/(\d{4})(\d{2})(\d{2})/, '$1-$2-$3');

/** SOURCE_DATE_EPOCH, else the date of a refresh, else the time of the commit or of the package's build. */
function epochOf({ event, date }: Release, { sourceDateEpoch }: ImageSpec, gateway: Gateway): number {
  const day = event === 'refresh' ? dayOf(date) : undefined;
  const built = gateway.kind === 'checkout' ? gateway.changed : gateway.built;
  const epoch = sourceDateEpoch ?? Math.floor(Date.parse(day ?? built ?? '') / 1000);
  if (!Number.isNaN(epoch)) return epoch;
  const hint = 'set SOURCE_DATE_EPOCH to the time of its release, in seconds since 1970';
  throw requestError('--package', gateway.origin, 'has no build time, which every platform must share', hint);
}

/**
 * Gives the images of a pull request a time after which they may be removed: that of the commit and some days, so that it is the same
 * on all machines that build a platform. Other releases stay as they are.
 *
 * @throws RequestError if that time is over
 */
export function withExpiry({ kind }: Pick<Release, 'kind'>, resolved: ResolvedRelease, days: number): ResolvedRelease {
  if (kind !== 'preview') return resolved;
  const { epoch } = resolved;
  const isoOf = (second: number): string => new Date(second * 1000).toISOString().replace('.000Z', 'Z');
  const expires = isoOf(epoch + days * 86_400);
  if (Date.parse(expires) > Date.now()) return { ...resolved, expires };
  const reason = `ends on ${expires.slice(0, 10)}: the commit is of ${isoOf(epoch).slice(0, 10)}`;
  const hint = 'give more days, or update the branch of the pull request';
  throw requestError('--preview-days', String(days), reason, hint);
}

function versionProblems({ ref, kind, version }: Release, gateway: Gateway): readonly Problem[] {
  if (version === undefined && gateway.kind === 'package') {
    const reason = `is a ${kind === 'preview' ? 'pull request' : 'branch'}, but a package contains a version`;
    return [problemWith('--ref', ref, reason, 'build it from a checkout: --source DIR')];
  }
  if (version === undefined || version.text === gateway.version) return [];
  return [
    problemWith(
      '--ref',
      ref,
      `does not match the gateway in ${gateway.origin}, whose version is ${gateway.version}`,
      `check out the tag, or build --package openclaw@${version.text}`,
    ),
  ];
}

async function checkoutProblems({ ref, commit: known }: Release, gateway: Gateway): Promise<readonly Problem[]> {
  if (gateway.kind !== 'checkout') return [];
  const { root, revision, dirty, unseen } = gateway;
  const problem = (reason: string, hint: string): Problem => problemWith('--source', root, reason, hint);
  const [commit, differing] = await Promise.all([
    known ?? commitOf(gateway, ref),
    dirty ? [] : filesThatDiffer(root, revision),
  ]);
  const hidden = [...new Set([...unseen, ...differing])];
  return [
    ...(dirty
      ? [
          problem(
            `differs from ${revision.slice(0, 12)}, but a release must name its exact sources`,
            'commit the changes, or check out the tag again',
          ),
        ]
      : []),
    ...(hidden.length > 0
      ? [
          problem(
            `has files that are not those of ${revision.slice(0, 12)}, and git does not report them: ${hidden.slice(0, 5).join(', ')}${hidden.length > 5 ? ` and ${hidden.length - 5} more` : ''}`,
            `build from a fresh clone, or remove them: git -C ${root} clean -ndX, git update-index --no-assume-unchanged`,
          ),
        ]
      : []),
    ...(commit !== undefined && commit !== revision
      ? [
          problem(
            `is at ${revision.slice(0, 12)}, but ${known === undefined ? ref : 'the published image'} is ${commit.slice(0, 12)}`,
            `check it out: git -C ${root} switch --detach ${known ?? ref}`,
          ),
        ]
      : []),
  ];
}

/** The commit of a ref; undefined if the checkout does not contain the ref, as in a shallow clone. */
async function commitOf({ root }: Checkout, ref: string): Promise<string | undefined> {
  const git = await openGit(root);
  const { stdout, exitCode } = await git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`);
  return exitCode === 0 ? stdout.trim() : undefined;
}
