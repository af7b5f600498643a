import { rm } from 'node:fs/promises';
import { expect } from 'vitest';
import { docker, run } from './command.ts';
import { makeCheckout } from './fixtures/make-checkout.ts';

/**
 * Which gateway stands in tests of what this project does around it, where the same holds for any: a small one
 * (fixtures/checkout), which is built and started in seconds. `OPENCLAW_TEST_GATEWAY=whole` takes the published one there too.
 */
export type TestGateway = 'small' | 'whole';

export const GATEWAY: TestGateway = process.env['OPENCLAW_TEST_GATEWAY'] === 'whole' ? 'whole' : 'small';

/** A compiled plugin that it has. */
export const PLUGIN: Readonly<Record<TestGateway, string>> = { small: 'echo', whole: 'webhooks' };

/** Gives its image a name: the whole one is what all tests share. */
export async function provideGateway(gateway: TestGateway, image: string): Promise<void> {
  if (gateway === 'whole') {
    expect(await docker('tag', 'openclaw:local', image)).toMatchObject({ exitCode: 0 });
    return;
  }
  const checkout = await makeCheckout('new');
  try {
    const { exitCode, stderr } = await run(['build', '--source', checkout, '--tag', image]);
    expect(exitCode, stderr).toBe(0);
  } finally {
    await rm(checkout, { recursive: true });
  }
}
