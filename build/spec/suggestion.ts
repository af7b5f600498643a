import { distance } from 'fastest-levenshtein';

/** The known words most similar to an unknown word, best first. */
export function closest(word: string, candidates: Iterable<string>, most = 3): readonly string[] {
  const near = (candidate: string): number =>
    candidate.includes(word) || word.includes(candidate)
      ? Math.min(1, distance(word, candidate))
      : distance(word, candidate);
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, steps: near(candidate) }))
    .filter(({ candidate, steps }) => steps <= Math.max(2, Math.ceil(Math.max(word.length, candidate.length) / 3)))
    .sort(
      (a, b) =>
        a.steps - b.steps ||
        distance(word, a.candidate) - distance(word, b.candidate) ||
        a.candidate.localeCompare(b.candidate),
    )
    .slice(0, most)
    .map(({ candidate }) => candidate);
}
