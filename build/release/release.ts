import { type GatewayVersion, parseVersion, refreshTag } from '../gateway/version.ts';
import type { Platform } from '../oci/platform.ts';
import { type Problem, RequestError } from '../problem.ts';
import { imagesOf, type Variant, type VariantImage } from '../spec/variant.ts';

/** Reason for a release: a new commit or tag; the first publication of an old tag; the same release on a newer base. */
export const RELEASE_EVENTS = ['push', 'backfill', 'refresh'] as const;
export type ReleaseEvent = (typeof RELEASE_EVENTS)[number];

/** The requested release; see `parseRelease`. */
export interface ReleaseRequest {
  /** Git ref: `refs/heads/main` or `refs/tags/v2026.3.13`. */
  readonly ref: string;
  readonly event: ReleaseEvent;
  /** Date of a refresh: `20260401`. */
  readonly date: string;
  readonly variants: readonly Variant[];
  readonly platforms: readonly Platform[];
  /** Full repository names. Images are built for the first one; the others get copies: `ghcr.io/openclaw/openclaw`. */
  readonly registries: readonly string[];
  /** Whether each tag also exists for each platform: `latest-arm64`. */
  readonly platformTags: boolean;
}

/** A release, with its ref parsed. Everything in this folder works on this value. */
export interface Release extends ReleaseRequest {
  /** `2026.3.13`, `2026.3.13-r20260401`, `main`. */
  readonly name: string;
  /** undefined for the branch main. */
  readonly version: GatewayVersion | undefined;
  /** The images behind the variants, each once. */
  readonly images: readonly VariantImage[];
}

/**
 * Parses the ref of a release. The only place that does.
 *
 * @throws RequestError for a ref that cannot be released, or an event that does not fit the ref
 */
export function parseRelease(request: ReleaseRequest): Release {
  const { ref, event, date, registries } = request;
  const version = ref.startsWith('refs/tags/v') ? parseVersion(ref.slice('refs/tags/v'.length)) : undefined;
  const problems: Problem[] = [];
  if (version === undefined && ref !== 'refs/heads/main') {
    problems.push({
      source: '--ref',
      value: ref,
      reason: 'cannot be released: it is not the branch main or the tag of a version',
      hint: 'give refs/heads/main, or a version tag such as refs/tags/v2026.3.13, refs/tags/v2026.3.13-1 or refs/tags/v2026.3.13-beta.1',
    });
    throw new RequestError(problems);
  }
  if (registries.length === 0) {
    const hint = 'for example: --registries ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw';
    problems.push({ source: '--registries', value: '', reason: 'is empty', hint });
  }
  if (version === undefined && event !== 'push') {
    const reason = `needs a version, but ${ref} is a branch`;
    const hint = 'give the ref of a version: refs/tags/v2026.3.13';
    problems.push({ source: '--event', value: event, reason, hint });
  }
  if (problems.length > 0) throw new RequestError(problems);
  const name = version === undefined ? 'main' : event === 'refresh' ? refreshTag(version, date) : version.text;
  return { ...request, name, version, images: imagesOf(request.variants) };
}
