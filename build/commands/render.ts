import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { readPin } from '../base/pin.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { sandboxStages } from '../dockerfile/sandbox-stages.ts';
import failureKinds from '../failure-kinds.json' with { type: 'json' };
import { renderCheckout } from '../image/render-checkout.ts';
import { WorkError } from '../problem.ts';
import { contractTable, failureTable, optionTable, replaceSection, variableTable } from '../report/documentation.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { kubernetesManifests } from '../stack/kubernetes-manifests.ts';
import { STACK_VARIABLES } from '../stack/stack-variable.ts';
import { CONTRACT } from '../verify/contract.ts';
import { PUBLISH_OPTIONS } from './release/publish.ts';
import { RELEASE_BUILD_OPTIONS, RELEASE_OPTIONS } from './release/release-options.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Committed files that the code renders: path → new text, given the current text. */
const RENDERED: Readonly<Record<string, (now: string) => string>> = {
  'dockerfiles/package.Dockerfile': () =>
    renderDockerfile(planDockerfile({ base: readPin().from, gateway: { kind: 'any' } })),
  'dockerfiles/sandbox.Dockerfile': () =>
    renderDockerfile({
      parameters: [],
      stages: sandboxStages({ debian: readPin('sandbox-base.Dockerfile').from, node: readPin().from }),
    }),
  ...Object.fromEntries(
    Object.entries(kubernetesManifests(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'))).map(([name, text]) => [
      `deploy/kubernetes/${name}`,
      () => text,
    ]),
  ),
  'docs/build.md': (now) => replaceSection(now, 'options', optionTable(BUILD_OPTIONS)),
  'docs/contract.md': (now) => replaceSection(now, 'contract', contractTable(CONTRACT)),
  'docs/releases.md': (now) =>
    replaceSection(now, 'options', optionTable({ ...RELEASE_OPTIONS, ...RELEASE_BUILD_OPTIONS, ...PUBLISH_OPTIONS })),
  'docs/setup.md': (now) => replaceSection(now, 'variables', variableTable(STACK_VARIABLES)),
  'docs/troubleshooting.md': (now) => replaceSection(now, 'kinds', failureTable(failureKinds)),
};

interface RenderOptions {
  readonly check?: boolean;
  readonly source?: string;
  readonly file: string;
}

/** Writes a Dockerfile and a .dockerignore for a checkout, and prints the docker command that builds them. */
async function renderSource(source: string, target: string): Promise<void> {
  const here = process.cwd();
  const root = resolve(here, source);
  const { dockerfile, ignore, annotations } = await renderCheckout(root);
  const file = resolve(here, target);
  await writeFile(file, dockerfile);
  // BuildKit prefers this file to the .dockerignore of the checkout.
  await writeFile(`${file}.dockerignore`, ignore);
  const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const command = [
    `docker buildx build --file ${quote(file)} --tag openclaw:mine --load`,
    '--build-arg OPENCLAW_EXTENSIONS= --build-arg OPENCLAW_INSTALL_BROWSER=',
    '--build-arg BUILDKIT_MULTI_PLATFORM=1 --provenance=false',
    ...Object.entries(annotations).map(([key, value]) => `--annotation ${quote(`index,manifest:${key}=${value}`)}`),
    quote(root),
  ].join(' \\\n  ');
  process.stdout.write(`${file}\n${file}.dockerignore\n\n${command}\n`);
}

export const renderCommand = new Command('render')
  .description(
    'render the committed files that come from the code: Dockerfiles, and generated tables in the documentation',
  )
  .option('--check', 'write nothing; fail if a committed file differs')
  .option('--source <dir>', 'render the Dockerfile of a checkout instead, for docker build without this project')
  .option('--file <file>', 'output path for --source; the .dockerignore is written beside it', 'openclaw.Dockerfile')
  .addHelpText(
    'after',
    `
Examples:
  scripts/run render --check
  scripts/run render --source ../openclaw --file /tmp/openclaw.Dockerfile`,
  )
  .action(async ({ check, source, file: target }: RenderOptions) => {
    if (source !== undefined) return renderSource(source, target);
    for (const [file, render] of Object.entries(RENDERED)) {
      const now = await readFile(join(ROOT, file), 'utf8').catch(() => '');
      const text = render(now);
      if (text === now) continue;
      if (check === true) {
        throw new WorkError({
          kind: 'not-rendered',
          title: 'A committed file is out of date',
          reason: `${file} differs from the rendered text`,
          hint: 'run npm run image:render, then commit the file',
        });
      }
      await writeFile(join(ROOT, file), text);
      process.stdout.write(`${file}\n`);
    }
  });
