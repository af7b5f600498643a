import { type GatewayVersion, parseVersion } from '../gateway/version.ts';

/** What a git ref asks to be released. */
export type ReleaseRef = { readonly kind: 'branch' } | { readonly kind: 'version'; readonly version: GatewayVersion };

/** @returns undefined for a ref that nothing is released from */
export function parseReleaseRef(ref: string): ReleaseRef | undefined {
  if (ref === 'refs/heads/main') return { kind: 'branch' };
  const version = ref.startsWith('refs/tags/v') ? parseVersion(ref.slice('refs/tags/v'.length)) : undefined;
  return version === undefined ? undefined : { kind: 'version', version };
}
