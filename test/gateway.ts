import { inject } from 'vitest';

export type TestGateway = 'small' | 'whole';

/**
 * `OPENCLAW_TEST=thorough` runs every case, and takes the published gateway wherever the tests are about what this project does around
 * one. Without it such tests have a small one (fixtures/checkout), which is built and started in seconds, and one case of a kind.
 */
export const THOROUGH = process.env['OPENCLAW_TEST'] === 'thorough';

export const GATEWAY: TestGateway = THOROUGH ? 'whole' : 'small';

/** Of many cases those that differ most, or all of them. */
export const representative = <T>(all: readonly T[], isRepresentative: (one: T) => boolean): readonly T[] =>
  THOROUGH ? all : all.filter(isRepresentative);

/** The small gateway's image. */
export const SMALL_IMAGE = 'openclaw-image-test:small';

/** Both are shared: a test that changes one gives it another name first. */
export const IMAGE_OF: Readonly<Record<TestGateway, string>> = { small: SMALL_IMAGE, whole: 'openclaw:local' };

/** A compiled plugin that it has. */
export const PLUGIN_OF: Readonly<Record<TestGateway, string>> = { small: 'echo', whole: 'webhooks' };

/** What `image:build` is told, to build it. */
export const buildArguments = (gateway: TestGateway): readonly string[] =>
  gateway === 'whole' ? [] : ['--source', inject('checkout')];
