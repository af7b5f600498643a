import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import { expect } from 'vitest';
import type { TestBrowser } from './chromium.ts';
import { ROOT } from './command.ts';
import { serveFile } from './serve-file.ts';

/** A report in a browser. */
export interface ShownPage {
  /** Messages of the console, errors of scripts, and requests other than that of the page. */
  readonly complaints: () => readonly string[];
  /** What axe finds: a rule, and an element that breaks it. */
  readonly inaccessible: () => Promise<readonly string[]>;
  /** Keeps a picture for people who look at a failed run. */
  readonly picture: (name: string) => Promise<void>;
  readonly close: () => void;
}

/** Opens a page as a web server would deliver it. @param file its path */
export async function showPage({ page }: TestBrowser, file: string): Promise<ShownPage> {
  const messages: string[] = [];
  const { address, others, stop } = await serveFile(file);
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(error.message));
  page.on('request', (request) => {
    // A data: URL needs no network.
    if (!request.url().startsWith('data:') && request.url() !== address) messages.push(`request of ${request.url()}`);
  });
  await page.goto(address);
  return {
    complaints: () => [...messages, ...others],
    inaccessible: async () => {
      // The page's own policy forbids other scripts, but not those of a debugger.
      await page.evaluate(axe.source);
      return page.evaluate(async () => {
        const { violations } = await Reflect.get(globalThis, 'axe').run();
        return (
          violations as readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
        ).map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
      });
    },
    picture: async (name) => {
      const folder = join(ROOT, process.env['OPENCLAW_TEST_ARTIFACTS'] ?? 'test-artifacts');
      await mkdir(folder, { recursive: true });
      const path = join(folder, `${name}.png`);
      await page.screenshot({ path, fullPage: true });
      expect((await readFile(path)).length).toBeGreaterThan(10_000);
    },
    close: () => {
      page.removeAllListeners();
      stop();
    },
  };
}
