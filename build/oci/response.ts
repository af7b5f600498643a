import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { countValues, MOST_VALUES } from '../json-values.ts';
import { printable } from '../printable.ts';
import { WorkError } from '../problem.ts';

/** An answer of a registry, or of its token server. */
export interface RegistryResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Dispatcher.ResponseData['body'];
}

const MIB = 1 << 20;

/** The largest index or manifest. Source: OCI distribution-spec, "Pushing Manifests". */
export const LARGEST_DOCUMENT = 4 * MIB;
/** The largest blob that is read into memory: a config, a record, an SBOM. */
export const LARGEST_SMALL_BLOB = 32 * MIB;
/** The largest page of tags, token or referrers. */
const LARGEST_ANSWER = 16 * MIB;
const LARGEST_ERROR = 64 * 1024;

export function headerOf({ headers }: Pick<RegistryResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * Reads a body as a whole.
 *
 * @param limit in bytes
 * @param what for the error: `the manifest ghcr.io/openclaw/openclaw:latest`
 * @throws WorkError if the body is larger
 */
export async function readBytes(
  { body }: { readonly body: AsyncIterable<Buffer> },
  limit: number,
  what: string,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw tooLarge(what, `is larger than ${limit / MIB} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const tooLarge = (what: string, reason: string): WorkError =>
  new WorkError({
    kind: 'too-large',
    title: 'The registry sent too much',
    reason: `${what} ${reason}.`,
    hint: 'check the name of the repository, and who can write to it',
  });

/**
 * Reads a JSON object. A proxy or a login page may answer with status 200 and with HTML.
 *
 * @throws WorkError that quotes the beginning of another answer
 */
export async function readObject(response: RegistryResponse, what: string): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBytes(response, LARGEST_ANSWER, what);
  if (countValues(bytes) > MOST_VALUES) throw tooLarge(what, `has more than ${MOST_VALUES} values`);
  const text = bytes.toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Explained below.
  }
  throw unexpectedAnswer(what, `the answer with status ${response.status} is not a JSON object: "${firstWords(text)}"`);
}

/** @param reason continues what was asked for */
export const unexpectedAnswer = (what: string, reason: string): WorkError =>
  new WorkError({
    kind: 'unexpected-answer',
    title: 'The registry did not answer as a registry',
    reason: `${what}: ${reason}.`,
    hint: 'check the name of the registry, and look for a proxy or a login page in between',
  });

/** The beginning of a text, for an error message. */
export const firstWords = (text: string): string => printable(text.trim().slice(0, 80)).trim();

/** The registry's error message, shortened. Source: OCI distribution-spec, "Error Codes". */
export async function errorText({ body }: RegistryResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > LARGEST_ERROR) break;
    }
  } catch {
    // A part of the message is better than none.
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return printable(messageOf(text) ?? text.split('\n')[0] ?? '').slice(0, 200);
}

function messageOf(text: string): string | undefined {
  try {
    const { errors } = JSON.parse(text) as { readonly errors?: unknown };
    if (!Array.isArray(errors)) return undefined;
    return errors
      .map((error: { readonly code?: unknown; readonly message?: unknown } | null) =>
        `${error?.code ?? ''} ${error?.message ?? ''}`.trim(),
      )
      .join('; ');
  } catch {
    return undefined;
  }
}
