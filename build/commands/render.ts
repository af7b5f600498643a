import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { readPin } from '../base/pin.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { WorkError } from '../problem.ts';

const FILE = join(import.meta.dirname, '../../dockerfiles/package.Dockerfile');

export const renderCommand = (): Command =>
  new Command('render')
    .description('write dockerfiles/package.Dockerfile, which builds any gateway with plain docker build')
    .option('--check', 'write nothing; fail where the committed file differs')
    .action(async ({ check }: { readonly check?: boolean }) => {
      const text = renderDockerfile(
        planDockerfile({ base: readPin().from, gateway: 'any', plugins: [], aptPackages: [], pipPackages: [] }),
      );
      if (check !== true) {
        await writeFile(FILE, text);
        process.stdout.write(`${FILE}\n`);
        return;
      }
      if ((await readFile(FILE, 'utf8').catch(() => '')) !== text) {
        throw new WorkError({
          kind: 'not-rendered',
          title: 'A committed Dockerfile is out of date',
          reason: 'dockerfiles/package.Dockerfile is not what build/dockerfile/plan.ts renders',
          wayOut: 'npm run image:render, then commit it',
        });
      }
    });
