import type { DockerfilePlan, Stage } from './stage.ts';

const HEADER = `# Rendered by openclaw-image (npm run image:render): change build/dockerfile, not this file.
#
# A stage that was not asked for costs nothing: BuildKit builds only what the last one needs.
# Secrets, all optional: ca (PEM), npmrc, pip_index_url.`;

const comment = (text: string): string =>
  text
    .split('\n')
    .map((line) => `# ${line}`)
    .join('\n');

const renderStage = ({ name, from, why, body }: Stage): string =>
  [comment(why), `FROM ${from} AS ${name}`, ...(body === '' ? [] : [body])].join('\n');

/** The text of the Dockerfile; equal plans give equal bytes. */
export function renderDockerfile({ parameters, stages }: Pick<DockerfilePlan, 'parameters' | 'stages'>): string {
  const args = parameters.map(({ name, value, meaning }) => `# ${meaning}\nARG ${name}="${value}"`).join('\n');
  return `${[HEADER, ...(args === '' ? [] : [args]), ...stages.map(renderStage)].join('\n\n')}\n`;
}
