import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { DockerCli } from '../../build/engine/docker-cli.ts';
import { freePort } from './free-port.ts';

/** A browser with one page. */
export interface TestBrowser {
  readonly page: Page;
  readonly close: () => Promise<void>;
}

/** Starts the Chromium of a browser sandbox's image, on the host's network, like a user's browser. */
export async function startChromium({ docker, environment }: DockerCli, image: string): Promise<TestBrowser> {
  const port = await freePort();
  const run = (...args: readonly string[]) => execa(docker, args, { env: environment });
  const { stdout: container } = await run(
    ...['run', '--detach', '--rm', '--network', 'host', '--shm-size', '512m', '--entrypoint', 'chromium', image],
    ...[
      '--headless=new',
      '--no-sandbox',
      `--remote-debugging-port=${port}`,
      '--user-data-dir=/tmp/profile',
      'about:blank',
    ],
  );
  const browser = await connect(`http://127.0.0.1:${port}`);
  const page = await (browser.contexts()[0] ?? (await browser.newContext())).newPage();
  return {
    page,
    close: async () => {
      await browser.close();
      await run('rm', '--force', container);
    },
  };
}

async function connect(address: string): Promise<Browser> {
  for (let attempt = 0; ; attempt += 1)
    try {
      return await chromium.connectOverCDP(address);
    } catch (error) {
      if (attempt === 480) throw error;
      await sleep(250);
    }
}
