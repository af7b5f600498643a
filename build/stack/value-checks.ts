import { isIPv4, isIPv6 } from 'node:net';
import { InvalidReferenceError, parseReference } from '../oci/reference.ts';
import { parseBoolean } from '../spec/parse-image-spec.ts';
import { pathProblem, unprintable, type ValueProblem } from './path-rule.ts';

// Rules for the values of variables. Each returns undefined if the value is valid.

/** A problem with a value; `value` names the part that is wrong. */
export type PartProblem = ValueProblem & { readonly value?: string };

const BINDS = ['lan', 'loopback', 'auto', 'custom', 'tailnet'] as const;
const BIND_FOR: Readonly<Record<string, string>> = {
  '0.0.0.0': 'lan',
  '::': 'lan',
  '127.0.0.1': 'loopback',
  localhost: 'loopback',
};

export const oneOf =
  (words: readonly string[], reason: string, hint: (value: string) => string | undefined = () => undefined) =>
  (value: string): ValueProblem | undefined =>
    words.includes(value) ? undefined : { reason, hint: hint(value) ?? `choose from ${words.join(', ')}` };

export const bindMode = oneOf(BINDS, 'is not a bind mode', (value) => {
  const bind = BIND_FOR[value];
  return bind === undefined ? undefined : `use ${bind}: this variable takes a mode, not an address`;
});

export const matching =
  (rule: RegExp, reason: string, hint: string) =>
  (value: string): ValueProblem | undefined =>
    unprintable(value) ?? (rule.test(value) ? undefined : { reason, hint });

export const port = (value: string): ValueProblem | undefined =>
  /^[1-9][0-9]{0,4}$/.test(value) && Number(value) <= 65_535
    ? undefined
    : {
        reason: 'is not a valid port',
        hint: /^.+:\d+$/.test(value)
          ? `write the port alone, and the address in OPENCLAW_HOST_ADDRESS=${value.replace(/:\d+$/, '')}`
          : 'choose a number from 1 to 65535',
      };

export const boolean = (value: string): ValueProblem | undefined =>
  parseBoolean(value) === undefined
    ? { reason: 'is not a boolean', hint: 'use 1, true, yes or on; or 0, false, no or off' }
    : undefined;

/** The gateway accepts 1 and 0 only. */
export const asDigit = (value: string): string => (isOn(value) ? '1' : '0');

/** Parses a boolean; see docs/reference.md, "Build inputs". @param value a validated value */
export const isOn = (value: string | undefined): boolean => parseBoolean(value ?? '') ?? false;

export const url = (value: string): ValueProblem | undefined => {
  const hidden = unprintable(value);
  if (hidden !== undefined) return hidden;
  const parsed = URL.parse(value);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && !/\s/.test(value) && value.length <= 2048
    ? undefined
    : { reason: 'is not a valid http or https address', hint: 'for example: http://otel-collector:4318' };
};

export const timeZone = (value: string): ValueProblem | undefined => {
  const problem = { reason: 'is not a valid time zone', hint: 'use an IANA name: Europe/Berlin, Asia/Taipei, UTC' };
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(value)) return problem;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return undefined;
  } catch {
    return problem;
  }
};

export const reference = (value: string): ValueProblem | undefined => {
  try {
    parseReference(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return {
      reason: `is not a valid image reference: ${error.message}`,
      hint: 'for example: ghcr.io/openclaw/openclaw:latest',
    };
  }
};

/** A token is used in headers and URLs without escaping. */
export const isToken = (value: string): boolean => TOKEN.test(value);
const TOKEN = /^[\x21-\x7e]{1,1024}$/;
const TOKEN_HINT = 'use another token, or leave the variable out to get a new one';
/** Texts in the place of a secret that is missing or hidden. */
const NO_SECRET =
  /^(?:undefined|null|\*\*\*|(?:xoxb-|xapp-)?REDACTED|__OPENCLAW_REDACTED__|<redacted>|\[(?:redacted|REDACTED(?:_PRIVATE_KEY| CREDENTIAL)?)\])$/;
/** Those of examples. The gateway refuses each only in its own place. */
const EXAMPLES = {
  token: ['change-me-now', 'change-me-to-a-long-random-token'],
  password: ['change-me-to-a-strong-password'],
} as const;
/** Whether the gateway does not start with a secret. Source: its assertGatewayAuthNotKnownWeak */
export const isPlaceholder = (kind: 'token' | 'password', value: string): boolean =>
  NO_SECRET.test(value) || EXAMPLES[kind].some((example) => example === value);
export const PLACEHOLDER_REASON = 'is a placeholder, with which the gateway does not start';
export const token = (value: string): ValueProblem | undefined =>
  isPlaceholder('token', value)
    ? { reason: PLACEHOLDER_REASON, hint: TOKEN_HINT }
    : matching(TOKEN, 'is not a valid token (1 to 1024 printable ASCII characters without spaces)', TOKEN_HINT)(value);

/** Docker takes ids up to 31 bits. Source: github.com/moby/sys/user */
const isId = (value: string): boolean => /^\d{1,10}$/.test(value) && Number(value) < 2 ** 31;
const ID_HINT = 'use a number; `id` prints those of an account';
export const groupId = (value: string): ValueProblem | undefined =>
  isId(value) ? undefined : { reason: 'is not the number of a group', hint: ID_HINT };
export const userId = (value: string): ValueProblem | undefined => {
  if (!isId(value)) return { reason: 'is not the number of a user', hint: ID_HINT };
  return Number(value) > 0
    ? undefined
    : { reason: 'is root, but the gateway runs programs for its agents', hint: 'use another user' };
};

/** IPv6 in brackets, as Compose reads it. Source: https://docs.docker.com/reference/compose-file/services/#ports */
export const hostAddress = (value: string): ValueProblem | undefined =>
  isIPv4(value) || (/^\[[^%]*\]$/.test(value) && isIPv6(value.slice(1, -1)))
    ? undefined
    : { reason: 'is not an IP address', hint: 'for example: 127.0.0.1, or [::1]' };

/** Splits a list with commas. */
export const listOf = (value: string): readonly string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** An origin as browsers send it. Source: https://www.rfc-editor.org/rfc/rfc6454#section-6.2 */
export const origins = (value: string): PartProblem | readonly PartProblem[] | undefined =>
  unprintable(value) ??
  listOf(value).flatMap((part) => {
    const parsed = URL.parse(part);
    if (parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.origin === part) return [];
    const meant = parsed !== null && /^https?:$/.test(parsed.protocol) ? parsed.origin : 'https://claw.example.org';
    return [{ value: part, reason: 'is not the origin of a page', hint: `write scheme, host and port only: ${meant}` }];
  });

export const imageTrust = (value: string): ValueProblem | undefined =>
  value === 'unsigned' || value === 'release' || (value.startsWith('/') && pathProblem(value) === undefined)
    ? undefined
    : {
        reason: 'is not a signer',
        hint: 'use release, unsigned, or the full path of a public key: /home/you/cosign.pub',
      };

export const service = matching(/^.{1,255}$/u, 'is longer than 255 characters', 'use a shorter name');

export const volume = (value: string): ValueProblem | undefined =>
  value.includes('/')
    ? {
        reason: 'is a path, not the name of a volume',
        hint: 'for a folder use OPENCLAW_EXTRA_MOUNTS=/folder:/home/node/…',
      }
    : matching(
        /^[A-Za-z0-9][A-Za-z0-9_.-]{1,254}$/,
        'is not a valid volume name (two or more letters, digits, _ . -)',
        'for example: openclaw_home',
      )(value);

export const socket = (value: string): ValueProblem | undefined => pathProblem(withoutScheme(value));

/** DOCKER_HOST has the form `unix:///run/docker.sock`. */
export const withoutScheme = (value: string): string => value.replace(/^unix:\/\//, '');
