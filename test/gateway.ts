import { inject } from 'vitest';
import { THOROUGH } from './thorough.ts';

/** `whole` is the published one; `small` that of fixtures/checkout, which is built and started in seconds. */
export type TestGateway = 'small' | 'whole';

/** Which one stands in tests that are about what this project does around one. */
export const GATEWAY: TestGateway = THOROUGH ? 'whole' : 'small';

/** The small gateway's image. */
export const SMALL_IMAGE = 'openclaw-image-test:small';

/** Both are shared: a test that changes one gives it another name first. */
export const IMAGE_OF: Readonly<Record<TestGateway, string>> = { small: SMALL_IMAGE, whole: 'openclaw:local' };

/** A compiled plugin that it has. */
export const PLUGIN_OF: Readonly<Record<TestGateway, string>> = { small: 'echo', whole: 'webhooks' };

/** What `image:build` is told, to build it. */
export const buildArguments = (gateway: TestGateway): readonly string[] =>
  gateway === 'whole' ? [] : ['--source', inject('checkout')];
