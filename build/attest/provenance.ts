import { PROXY_VARIABLES } from '../engine/buildx.ts';
import type { Statement } from './attestation.ts';

/** The fields of a provenance that are read here. Source: https://slsa.dev/spec/v1.0/provenance, BuildKit's slsa-definitions.md */
export interface Provenance {
  readonly buildDefinition?: {
    readonly buildType?: string;
    readonly externalParameters?: {
      readonly request?: { readonly args?: Readonly<Record<string, string>> };
      readonly image?: string;
    };
    /** A rebase records the Dockerfile of the system layers. */
    readonly internalParameters?: { readonly dockerfile?: string };
    readonly resolvedDependencies?: readonly {
      readonly name?: string;
      readonly uri?: string;
      readonly digest?: Readonly<Record<string, string>>;
    }[];
  };
  readonly runDetails?: {
    readonly builder?: { readonly id?: string };
    readonly metadata?: {
      readonly buildkit_metadata?: {
        readonly source?: { readonly infos?: readonly { readonly filename?: string; readonly data?: string }[] };
      };
    };
  };
}

/** The Dockerfile that built an image, or the system layers of a rebased one; undefined if its provenance has none. */
export function recordedDockerfile({ buildDefinition, runDetails }: Provenance): string | undefined {
  const dockerfile: unknown = buildDefinition?.internalParameters?.dockerfile;
  if (typeof dockerfile === 'string') return dockerfile;
  const infos = runDetails?.metadata?.buildkit_metadata?.source?.infos;
  const data = Array.isArray(infos) ? (infos[0] as { readonly data?: unknown } | undefined)?.data : undefined;
  return typeof data === 'string' ? Buffer.from(data, 'base64').toString('utf8') : undefined;
}

export const PROVENANCE_PREDICATE = 'https://slsa.dev/provenance/v1';

/**
 * Removes the proxies of the build host from a provenance statement. BuildKit records them, with their passwords, as build arguments
 * and in the environment of each step.
 *
 * @throws Error if the value of a proxy variable is still in the statement
 */
export function withoutProxies(statement: Statement): Statement {
  const text = JSON.stringify(statement, (key, value: unknown) =>
    key === 'proxy_env' || key === 'proxyEnv' || PROXY_ARGUMENTS.has(key) ? undefined : value,
  );
  for (const name of PROXY_VARIABLES) {
    const value = process.env[name] ?? '';
    // A value without a login is not a secret, and may be a word that occurs elsewhere.
    if (value.includes('@') && text.includes(JSON.stringify(value).slice(1, -1)))
      throw new Error(`the provenance holds the value of ${name}`);
  }
  return JSON.parse(text) as Statement;
}

const PROXY_ARGUMENTS: ReadonlySet<string> = new Set(PROXY_VARIABLES.map((name) => `build-arg:${name}`));
