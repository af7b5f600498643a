/**
 * `OPENCLAW_TEST=thorough` runs every case, and takes the published gateway wherever the tests are about what this project does around
 * one. Without it they have a small one there, and of many cases of a kind those that differ most.
 */
export const THOROUGH = process.env['OPENCLAW_TEST'] === 'thorough';

/** Of many cases those that differ most, or all of them. */
export const representative = <T>(all: readonly T[], isRepresentative: (one: T) => boolean): readonly T[] =>
  THOROUGH ? all : all.filter(isRepresentative);
