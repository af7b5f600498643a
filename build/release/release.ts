import { type GatewayVersion, parseVersion, refreshTag } from '../gateway/version.ts';
import type { Platform } from '../oci/platform.ts';
import { type Problem, RequestError } from '../problem.ts';
import { imagesOf, type Variant, type VariantImage } from '../spec/variant.ts';

/** Reason for a release: a new commit or tag; the first publication of an old tag; the same release on a newer base. */
export const RELEASE_EVENTS = ['push', 'backfill', 'refresh'] as const;
export type ReleaseEvent = (typeof RELEASE_EVENTS)[number];

/** The requested release; see `parseRelease`. */
export interface ReleaseRequest {
  /** Git ref: `refs/heads/main`, `refs/tags/v2026.3.13` or `refs/pull/12/merge`; `base/24` for a run base. */
  readonly ref: string;
  readonly event: ReleaseEvent;
  /** Date of a refresh or a run base: `20260401`. */
  readonly date: string;
  readonly variants: readonly Variant[];
  readonly platforms: readonly Platform[];
  /** Full repository names. Images are built for the first one; the others get copies: `ghcr.io/openclaw/openclaw`. */
  readonly registries: readonly string[];
  /** Whether each tag also exists for each platform: `latest-arm64`. */
  readonly platformTags: boolean;
}

/**
 * A ref is the branch main, the tag of a version, or a pull request. The images of a pull request are for trying it: they expire,
 * and have neither a signature nor a record, because both say that a release may be used. A run base has no gateway: it is what gateway
 * images are built on, Node with Debian's packages of a day.
 */
export type ReleaseKind = 'main' | 'version' | 'preview' | 'base';

/** No image of a pull request is kept for more days. */
export const LONGEST_PREVIEW_DAYS = 399;

/** A release, with its ref parsed. Everything in this folder works on this value. */
export interface Release extends ReleaseRequest {
  readonly kind: ReleaseKind;
  /** `2026.3.13`, `2026.3.13-r20260401`, `main`, `pr-12`, `base-24-20260401`. */
  readonly name: string;
  /** undefined for the branch main, pull requests and run bases. */
  readonly version: GatewayVersion | undefined;
  /** Major version of the Node of a run base. */
  readonly node?: number;
  /** Commit of the sources, if something else than the ref tells it: a published image names its own. */
  readonly commit?: string;
  /** The images behind the variants, each once. */
  readonly images: readonly VariantImage[];
}

/** GitHub's refs of a pull request: its head, and the head merged into the target branch. */
const PULL_REQUEST = /^refs\/pull\/([1-9]\d{0,9})\/(?:merge|head)$/;

/** The ref of a run base, with the major version of its Node. */
const RUN_BASE = /^base\/([1-9]\d)$/;

/**
 * Parses the ref of a release. The only place that does.
 *
 * @throws RequestError for a ref that cannot be released, or an event that does not fit the ref
 */
export function parseRelease(request: ReleaseRequest): Release {
  const { ref, event, date, registries } = request;
  const version = ref.startsWith('refs/tags/v') ? parseVersion(ref.slice('refs/tags/v'.length)) : undefined;
  const pullRequest = PULL_REQUEST.exec(ref)?.[1];
  const node = RUN_BASE.exec(ref)?.[1];
  const problems: Problem[] = [];
  if (version === undefined && pullRequest === undefined && node === undefined && ref !== 'refs/heads/main') {
    problems.push({
      source: '--ref',
      value: ref,
      reason: 'cannot be released: it is not the branch main, the tag of a version, a pull request or a run base',
      hint: 'give refs/heads/main; a version tag such as refs/tags/v2026.3.13, refs/tags/v2026.3.13-1 or refs/tags/v2026.3.13-beta.1; refs/pull/12/merge; or base/24, a run base with Node 24. A release of extended-stable has no correction: refs/tags/v2026.6.34',
    });
    throw new RequestError(problems);
  }
  if (registries.length === 0) {
    const hint = 'for example: --registries ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw';
    problems.push({ source: '--registries', value: '', reason: 'is empty', hint });
  }
  if (version === undefined && event !== 'push') {
    const what = node !== undefined ? 'a run base' : pullRequest === undefined ? 'a branch' : 'a pull request';
    const reason = `needs a version, but ${ref} is ${what}`;
    const hint = 'give the ref of a version: refs/tags/v2026.3.13';
    problems.push({ source: '--event', value: event, reason, hint });
  }
  if (problems.length > 0) throw new RequestError(problems);
  if (node !== undefined) {
    const only = { variants: ['default'], images: ['default'] } as const;
    return { ...request, ...only, kind: 'base', name: `base-${node}-${date}`, version: undefined, node: Number(node) };
  }
  const images = imagesOf(request.variants);
  if (pullRequest !== undefined)
    return { ...request, kind: 'preview', name: `pr-${pullRequest}`, version: undefined, images };
  if (version === undefined) return { ...request, kind: 'main', name: 'main', version, images };
  const name = event === 'refresh' ? refreshTag(version, date) : version.text;
  return { ...request, kind: 'version', name, version, images };
}
