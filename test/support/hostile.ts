import fc from 'fast-check';
import { InterruptedError, RequestError, WorkError } from '../../build/problem.ts';

/** Words that have broken parsers: names of every object's properties, paths, lines for a workflow, numbers that are none. */
export const WORD = fc.oneof(
  fc.constantFrom(
    ...[
      'constructor',
      '__proto__',
      'toString',
      '../../x',
      '..',
      '',
      'latest',
      '2026.9.6',
      'a\n::error::b',
      '%2e%2e%2f',
      '\u0000',
    ],
    ...[
      'sha256:../../planted',
      `sha256:${'0'.repeat(64)}`,
      'linux/amd64',
      'default',
      'https://example.org',
      'release-2026.9.6',
    ],
  ),
  fc.string(),
);
const LEAF = fc.oneof(WORD, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.constant(9e12));
/** Any JSON. */
export const VALUE = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    LEAF,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(WORD, tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** A valid document with one part replaced by anything. */
export const mutated = (document: object): fc.Arbitrary<unknown> =>
  fc.tuple(fc.nat(), VALUE).map(([at, value]) => {
    const paths: (readonly (string | number)[])[] = [];
    const walk = (part: unknown, path: readonly (string | number)[]): void => {
      paths.push(path);
      if (typeof part === 'object' && part !== null)
        for (const [key, below] of Object.entries(part)) walk(below, [...path, key]);
    };
    walk(document, []);
    const path = paths[at % paths.length] ?? [];
    if (path.length === 0) return value;
    const copy = structuredClone(document) as Record<string | number, unknown>;
    let parent = copy;
    for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>;
    parent[path.at(-1) ?? ''] = value;
    return copy;
  });

/** An error that says what to do is fine; any other is a crash. */
export async function endsInWords(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof WorkError || error instanceof RequestError || error instanceof InterruptedError) return;
    throw error;
  }
}
