import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type Problem, RequestError } from '../problem.ts';
import { closest } from '../spec/suggestion.ts';
import type { CheckoutPlugin } from './gateway.ts';
import { parsePluginManifest } from './package-json.ts';
import { readSourceFile } from './source-file.ts';

const EXTENSIONS = 'extensions';
const MANIFEST = 'openclaw.plugin.json';

/** The plugins of a checkout, and the other folders in `extensions/`. */
export interface CheckoutPlugins {
  readonly plugins: readonly CheckoutPlugin[];
  readonly others: readonly string[];
  /** Folders whose manifest cannot be read, with the reason. Only a requested one matters. */
  readonly broken?: ReadonlyMap<string, Problem>;
}

/**
 * Reads `extensions/`. A folder without a manifest (`shared`) is not a plugin, and neither is a link that leads out of
 * `extensions/`.
 */
export async function readCheckoutPlugins(root: string): Promise<CheckoutPlugins> {
  const folder = join(root, EXTENSIONS);
  const names = (await readdir(folder).catch(() => [] as string[])).sort();
  const home = existsSync(folder) ? await realpath(folder) : folder;
  const plugins: CheckoutPlugin[] = [];
  const others: string[] = [];
  const broken = new Map<string, Problem>();
  for (const directory of names) {
    // A link may lead nowhere.
    const real = await realpath(join(folder, directory)).catch(() => '');
    const inside = real.startsWith(`${home}${sep}`);
    const text = inside ? await readSourceFile(join(folder, directory, MANIFEST)).catch(() => undefined) : undefined;
    let id: string | undefined;
    try {
      id = text === undefined ? undefined : parsePluginManifest(text, join(folder, directory, MANIFEST)).id;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      for (const problem of error.problems) broken.set(directory, problem);
    }
    if (id === undefined) {
      others.push(directory);
      continue;
    }
    plugins.push({ id, directory });
  }
  return { plugins, others, ...(broken.size === 0 ? {} : { broken }) };
}

/**
 * Finds plugins by manifest id or folder name.
 *
 * @throws RequestError with every name that is unknown, ambiguous, or a folder without a manifest
 */
export function selectPlugins(
  names: readonly string[],
  { plugins, others, broken }: CheckoutPlugins,
): readonly CheckoutPlugin[] {
  const problems: Problem[] = [];
  const selected = names.flatMap((name) => {
    const matches = plugins.filter(({ id, directory }) => id === name || directory === name);
    if (matches.length !== 1) problems.push(broken?.get(name) ?? refusal(name, matches, { plugins, others }));
    return matches.slice(0, 1);
  });
  if (problems.length > 0) throw new RequestError(problems);
  return [...new Map(selected.map((plugin) => [plugin.id, plugin])).values()].sort((a, b) => a.id.localeCompare(b.id));
}

function refusal(
  name: string,
  matches: readonly CheckoutPlugin[],
  { plugins, others }: Omit<CheckoutPlugins, 'broken'>,
): Problem {
  const problem = { source: '--extensions', value: name };
  if (matches.length > 1) {
    return {
      ...problem,
      reason: `is ambiguous: ${matches.map(({ id, directory }) => `the plugin ${id} in extensions/${directory}`).join(' and ')}`,
      hint: 'give one of the plugins another id in its openclaw.plugin.json',
    };
  }
  if (others.includes(name)) {
    return {
      ...problem,
      reason: `is not a plugin: extensions/${name} has no ${MANIFEST} with an id`,
      hint: `name one of: ${plugins.map(({ id }) => id).join(', ')}`,
    };
  }
  const near = closest(
    name,
    plugins.flatMap(({ id, directory }) => [id, directory]),
  );
  return {
    ...problem,
    reason: 'is not the id or folder of a plugin in extensions/',
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'see the folder extensions/ of the checkout',
  };
}
