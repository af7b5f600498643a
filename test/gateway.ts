import { inject } from 'vitest';

/**
 * Which gateway stands in tests of what this project does around it, where the same holds for any: a small one
 * (fixtures/checkout), which is built and started in seconds. `OPENCLAW_TEST_GATEWAY=whole` takes the published one there too.
 */
export type TestGateway = 'small' | 'whole';

export const GATEWAY: TestGateway = process.env['OPENCLAW_TEST_GATEWAY'] === 'whole' ? 'whole' : 'small';

/** A small gateway's image, which is there from the start. */
export const SMALL_IMAGE = 'openclaw-image-test:small';

/** Both are shared: a test that changes one gives it another name first. */
export const IMAGE_OF: Readonly<Record<TestGateway, string>> = { small: SMALL_IMAGE, whole: 'openclaw:local' };

/** A compiled plugin that it has. */
export const PLUGIN_OF: Readonly<Record<TestGateway, string>> = { small: 'echo', whole: 'webhooks' };

/** What `image:build` is told, to build it. */
export const buildArguments = (gateway: TestGateway): readonly string[] =>
  gateway === 'whole' ? [] : ['--source', inject('checkout')];
