import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Problem, RequestError } from '../problem.ts';
import { closest } from '../spec/suggestion.ts';

/** A plugin's source that takes the place of the compiled one. */
export interface Overlay {
  readonly id: string;
  /** Absolute path on the host. */
  readonly folder: string;
}

/** Where the gateway looks for a plugin's source before it takes the compiled plugin of the same id. */
export const overlayTarget = (id: string): string => `/app/extensions/${id}`;

/**
 * Reads which plugins the folders are.
 *
 * @param folders as the user gave them
 * @param plugins ids of those that the image has
 * @throws RequestError with every folder that is no plugin, that is not one of the image's, or that has another's name
 */
export async function readOverlays(
  folders: readonly string[],
  plugins: readonly string[],
  here: string,
): Promise<readonly Overlay[]> {
  const problems: Problem[] = [];
  const overlays: Overlay[] = [];
  for (const value of folders) {
    const folder = resolve(here, value);
    const problem = (reason: string, wayOut: string): void =>
      void problems.push({ source: '--overlay', value, reason, wayOut });
    const id = await readId(folder);
    if (id === undefined) {
      problem(
        existsSync(folder) ? 'has no openclaw.plugin.json with an id' : 'does not exist',
        "give a plugin's folder: extensions/slack",
      );
      continue;
    }
    const name = basename(folder);
    if (!plugins.includes(id)) {
      const near = closest(id, plugins);
      problem(
        `is the plugin ${id}, which the image does not have: there is nothing to lay it over`,
        near.length > 0
          ? `did you mean ${near.join(' or ')}? else build an image with it: --extensions ${id}`
          : `build an image with it: --extensions ${id}`,
      );
    } else if (name !== id && plugins.includes(name)) {
      problem(`says that it is ${id}, and ${name} is another plugin`, `check "id" in ${value}/openclaw.plugin.json`);
    } else if (overlays.some((other) => other.id === id)) {
      problem(`is the second folder of the plugin ${id}`, 'leave one of them out');
    } else overlays.push({ id, folder });
  }
  if (problems.length > 0) throw new RequestError(problems);
  return overlays;
}

async function readId(folder: string): Promise<string | undefined> {
  try {
    const { id } = JSON.parse(await readFile(join(folder, 'openclaw.plugin.json'), 'utf8')) as {
      readonly id?: unknown;
    };
    return typeof id === 'string' && /^[a-z0-9][a-z0-9._-]*$/.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}
