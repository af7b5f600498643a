import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SMALL_IMAGE } from '../support/gateway.ts';
import { type PodmanHost, type PodmanUser, startPodmanHost } from '../support/podman-host.ts';

// The tests of test/e2e/stack run with Docker in `npm test`. Here the same files run on a host with Podman. A test that cannot run there
// says why. Not here: setup.test.ts, whose browser is an image that Docker builds, and sandbox-gate.test.ts, because setup asks systemd
// whether podman.socket runs, and this host has no systemd.
const FILES = [
  'changed-setup',
  'clawdock',
  'compose',
  'guide',
  'host-faults',
  'installations',
  'interrupted-setup',
  'kept-settings',
  'onboarding',
  'refused-setup',
  'users',
];

let host: PodmanHost;
beforeAll(async () => {
  host = await startPodmanHost();
});
afterAll(() => host.remove());

describe.each<PodmanUser>(['root', 'rootless'])('on Podman as %s', { tags: ['nightly'] }, (user) => {
  beforeAll(async () => {
    await host.install(user);
    for (const image of ['openclaw:local', SMALL_IMAGE]) await host.load(user, image);
  });

  it.each(FILES)('test/e2e/stack/%s.test.ts passes', async (name) => {
    const { exitCode, passed, failed, output } = await host.test(user, `test/e2e/stack/${name}.test.ts`);
    expect({ exitCode, failed }, output).toEqual({ exitCode: 0, failed: [] });
    expect(passed).not.toEqual([]);
  });
});
