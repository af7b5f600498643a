import { inject } from 'vitest';

/** `whole` is the published gateway. `small` is that of fixtures/checkout, which is built and started in seconds. */
export type TestGateway = 'small' | 'whole';

/** The gateway for tests of everything around it. */
export const testGateway = (): TestGateway => (inject('nightly') ? 'whole' : 'small');

/** The small gateway's image. */
export const SMALL_IMAGE = 'openclaw-image-test:small';

/** Tests share both: a test that changes one first gives it another name. */
export const IMAGE_OF: Readonly<Record<TestGateway, string>> = { small: SMALL_IMAGE, whole: 'openclaw:local' };

/** A compiled plugin of each gateway. */
export const PLUGIN_OF: Readonly<Record<TestGateway, string>> = { small: 'echo', whole: 'webhooks' };

/** Arguments of `image:build` for each gateway. */
export const buildArguments = (gateway: TestGateway): readonly string[] =>
  gateway === 'whole' ? [] : ['--source', inject('checkout')];
