import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Problem, RequestError } from '../problem.ts';
import { closest } from '../spec/suggestion.ts';

/** The source folder of a plugin, mounted in place of the compiled plugin. */
export interface Overlay {
  readonly id: string;
  /** Absolute path on the host. */
  readonly folder: string;
}

/** The plugins in an image. */
export interface ImagePlugins {
  /** Version of the gateway. */
  readonly version: string;
  /** Ids of the compiled plugins. */
  readonly compiled: readonly string[];
  /** Ids of the plugins that the gateway loads from sources in the image. */
  readonly sources: readonly string[];
  /** Whether the gateway loads a mounted source in place of a compiled plugin. */
  readonly readsSources: boolean;
}

/** Measured on the packages on npm: the first release that loads mounted sources, and the first with compiled plugins. */
const FIRST_WITH_OVERLAYS = '2026.4.25';
const FIRST_COMPILED = '2026.3.22';

/** The path at which the gateway looks for the source of a plugin before it loads the compiled one. */
export const overlayTarget = (id: string): string => `/app/extensions/${id}`;

/**
 * Reads which plugin each folder contains.
 *
 * @param folders as the user gave them
 * @throws RequestError with every folder that is not a plugin of the image, or that names another plugin
 */
export async function readOverlays(
  folders: readonly string[],
  { version, compiled, sources, readsSources }: ImagePlugins,
  here: string,
): Promise<readonly Overlay[]> {
  const plugins = [...compiled, ...sources];
  const problems: Problem[] = [];
  const overlays: Overlay[] = [];
  for (const value of folders) {
    const folder = resolve(here, value);
    const problem = (reason: string, hint: string): void =>
      void problems.push({ source: '--overlay', value, reason, hint });
    const id = await readId(folder);
    if (id === undefined) {
      problem(
        existsSync(folder) ? 'has no openclaw.plugin.json with an id' : 'does not exist',
        'name the folder of a plugin: extensions/slack',
      );
      continue;
    }
    const name = basename(folder);
    if (!plugins.includes(id)) {
      const near = closest(id, plugins);
      problem(
        `is the plugin ${id}, which the image does not contain`,
        near.length > 0
          ? `did you mean ${near.join(' or ')}? Otherwise build an image with it: --extensions ${id}`
          : `build an image with it: --extensions ${id}`,
      );
    } else if (!readsSources && !sources.includes(id)) {
      problem(
        `is the plugin ${id}, which the gateway ${version} loads in its compiled form only`,
        `releases since ${FIRST_WITH_OVERLAYS} load mounted sources, and so do those before ${FIRST_COMPILED}; for this one, build the checkout: scripts/run build --source DIR`,
      );
    } else if (name !== id && plugins.includes(name)) {
      problem(
        `has the id ${id}, but ${name} is another plugin of the image`,
        `correct "id" in ${value}/openclaw.plugin.json`,
      );
    } else if (overlays.some((other) => other.id === id)) {
      problem(`is the second folder of the plugin ${id}`, 'leave one of the folders out');
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
