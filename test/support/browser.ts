import { randomUUID } from 'node:crypto';
import { startChromium, type TestBrowser } from './chromium.ts';
import { docker, engine, run } from './command.ts';

/** Builds the image of the browser sandbox, and starts its Chromium. */
export async function openBrowser(): Promise<TestBrowser> {
  // Tests of two files may need one at the same time, and each removes its own.
  const image = `openclaw-image-test:chromium-${randomUUID()}`;
  const built = await run(['sandbox', 'browser', '--tag', image, '--json']);
  if (built.exitCode !== 0) throw new Error(`no browser: ${built.stderr}`);
  const { page, close } = await startChromium(engine(), image);
  return {
    page,
    close: async () => {
      await close();
      await docker('image', 'rm', image);
    },
  };
}
