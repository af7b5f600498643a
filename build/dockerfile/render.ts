import type { DockerfilePlan, Stage } from './stage.ts';

const HEADER = `# Rendered by openclaw-image (npm run image:render). Change build/dockerfile, not this file.
#
# BuildKit runs only the stages that the last one needs, so optional stages cost nothing. FROM a\${B:+-c} means: a if B is empty, else a-c.
# Optional secrets: ca (PEM file), npmrc (with tokens), npm_registry (npmrc without tokens), pip_index_url.`;

const comment = (text: string): string =>
  text
    .split('\n')
    .map((line) => `# ${line}`)
    .join('\n');

/** A table of contents: a reader finds the stage that matters without reading all programs. */
function overview(stages: readonly Stage[]): string {
  const width = Math.max(...stages.map(({ name }) => name.length));
  const lines = stages.map(({ name, why }) => `#   ${name.padEnd(width)}  ${firstSentence(why)}`);
  return ['# The stages, in order:', ...lines].join('\n');
}

const firstSentence = (text: string): string => text.replaceAll('\n', ' ').split(/[.:] |[.:]$/)[0] ?? '';

const renderStage = ({ name, from, why, body }: Stage): string =>
  [comment(why), `FROM ${from} AS ${name}`, ...(body === '' ? [] : [body])].join('\n');

/** Renders a Dockerfile. Equal plans give equal bytes. */
export function renderDockerfile({ parameters, stages }: Pick<DockerfilePlan, 'parameters' | 'stages'>): string {
  const args = parameters.map(({ name, value, meaning }) => `# ${meaning}\nARG ${name}="${value}"`).join('\n');
  return `${[`${HEADER}\n#\n${overview(stages)}`, ...(args === '' ? [] : [args]), ...stages.map(renderStage)].join('\n\n')}\n`;
}
