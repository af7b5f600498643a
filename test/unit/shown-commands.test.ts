import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILES = globSync(
  ['*.md', 'docs/*.md', 'build/**/*.{ts,json}', 'scripts/**/*.sh', '.github/workflows/*.yml', 'docker-compose.yml'],
  { cwd: ROOT },
).filter((file) => file !== 'CHANGELOG.md');

/** A command line of this project, as a page, a message or a workflow shows it. */
const SHOWN =
  /(?:scripts\/run|npm run (?:--silent )?image:|pnpm image:) ?([a-z]+)((?:[ \t]+(?:\\\n *)?(?:"[^"\n]*"|[^\s`'"|;&)]+))*)/g;

/** Words that follow in sentences about scripts/run, or about `scripts/run release`. */
const PROSE = new Set(['if', 'sets', 'did', 'published']);

/** @returns undefined for an unknown command, or an unknown one below it */
async function commandOf(name: string, words: readonly string[]): Promise<Command | undefined> {
  const file = join(ROOT, 'build/commands', name === 'release' ? 'release/release.ts' : `${name}.ts`);
  if (globSync(file).length === 0) return undefined;
  const module = (await import(file)) as Readonly<Record<string, Command>>;
  const command = module[`${name}Command`];
  const [below = ''] = words;
  // `release COMMAND` stands for any of them.
  if (command === undefined || command.commands.length === 0 || !/^[a-z]/.test(below)) return command;
  return command.commands.find((one) => one.name() === below || one.alias() === below);
}

it('every command line that is shown has options that exist, and outputs that a build can have', async () => {
  const shown = FILES.flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(SHOWN)].map(([line, name = '', rest = '']) => ({
      file,
      line,
      name,
      words: rest.split(/\s+/).filter((word) => word !== '' && word !== '\\' && word !== '--'),
    })),
  );
  expect(shown.length).toBeGreaterThan(150);
  const wrong: string[] = [];
  for (const { file, line, name, words } of shown) {
    const command = await commandOf(name, words);
    if (command === undefined && ![name, words[0]].some((word) => PROSE.has(word ?? '')))
      wrong.push(`${file}: ${line}: unknown command`);
    const known = new Set(['--help', ...(command?.options.flatMap(({ long, short }) => [long, short]) ?? [])]);
    for (const word of words) {
      const [flag = ''] = word.split('=');
      if (/^--[a-z]/.test(flag) && !known.has(flag.replace(/[,.:)]+$/, ''))) wrong.push(`${file}: ${line}: ${flag}`);
    }
    const output = words[words.indexOf('--output') + 1];
    if (name === 'build' && words.includes('--output') && output?.startsWith('type=') === true)
      wrong.push(...parseImageSpec({ output }, {}).problems.map(({ reason }) => `${file}: ${line}: ${reason}`));
  }
  expect(wrong).toEqual([]);
});
