import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { docker, run } from './command.ts';
import { freePort } from './free-port.ts';

const IMAGE = 'openclaw-image-test:stack-chromium';

/** A page in the Chromium of the sandbox image, on the host's network, like a user's browser. */
export async function openBrowser(): Promise<{ readonly page: Page; readonly close: () => Promise<void> }> {
  const built = await run(['sandbox', 'browser', '--tag', IMAGE, '--json']);
  if (built.exitCode !== 0) throw new Error(`no browser: ${built.stderr}`);
  const port = await freePort();
  const { stdout: container, stderr } = await docker(
    ...['run', '--detach', '--rm', '--network', 'host', '--shm-size', '512m', '--entrypoint', 'chromium', IMAGE],
    ...[
      '--headless=new',
      '--no-sandbox',
      `--remote-debugging-port=${port}`,
      '--user-data-dir=/tmp/profile',
      'about:blank',
    ],
  );
  if (container === '') throw new Error(`no browser: ${stderr}`);
  const browser = await connect(`http://127.0.0.1:${port}`);
  const page = await (browser.contexts()[0] ?? (await browser.newContext())).newPage();
  return {
    page,
    close: async () => {
      await browser.close();
      await docker('rm', '--force', container);
      await docker('image', 'rm', IMAGE);
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
