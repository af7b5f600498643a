/**
 * The most values of a JSON document from somebody else. Parsed, each needs up to 50 bytes: a few megabytes of `{},` would need a
 * gigabyte. The SBOM of the gateway has 60,000.
 */
export const MOST_VALUES = 1_000_000;

const SIGNS = new Set([...',{['].map((sign) => sign.charCodeAt(0)));

/** Counts the values of a JSON document without parsing it. Commas and braces in texts count too, so the number is an upper limit. */
export function countValues(json: Uint8Array): number {
  let count = 0;
  for (const byte of json) if (SIGNS.has(byte)) count += 1;
  return count;
}
