import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { readPin } from '../base/pin.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { WorkError } from '../problem.ts';
import { contractTable, optionTable, replaceSection } from '../report/documentation.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { CONTRACT } from '../verify/contract.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Committed files that come from the code: path → text, given the text that is there now. */
const RENDERED: Readonly<Record<string, (now: string) => string>> = {
  'dockerfiles/package.Dockerfile': () =>
    renderDockerfile(
      planDockerfile({
        base: readPin().from,
        gateway: { kind: 'any' },
        plugins: [],
        aptPackages: [],
        pipPackages: [],
        browser: 'none',
        dockerCli: false,
      }),
    ),
  'README.md': (now) =>
    replaceSection(replaceSection(now, 'options', optionTable(BUILD_OPTIONS)), 'contract', contractTable(CONTRACT)),
};

export const renderCommand = (): Command =>
  new Command('render')
    .description(
      'write the committed files that come from the code: dockerfiles/package.Dockerfile, the tables in README.md',
    )
    .option('--check', 'write nothing; fail where a committed file differs')
    .action(async ({ check }: { readonly check?: boolean }) => {
      for (const [file, render] of Object.entries(RENDERED)) {
        const now = await readFile(join(ROOT, file), 'utf8').catch(() => '');
        const text = render(now);
        if (text === now) continue;
        if (check === true) {
          throw new WorkError({
            kind: 'not-rendered',
            title: 'A committed file is out of date',
            reason: `${file} is not what the code renders`,
            wayOut: 'npm run image:render, then commit it',
          });
        }
        await writeFile(join(ROOT, file), text);
        process.stdout.write(`${file}\n`);
      }
    });
