import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import dockerignore from '@balena/dockerignore';

/** What never reaches a build, whatever the checkout's own file says: history, secrets, what was installed on the host. */
const NEVER = ['.git', '**/.git', '.env*', '**/.env*', 'node_modules', '**/node_modules'];

/** Which files of a folder a build may see. */
export interface DockerIgnore {
  /** The `.dockerignore` that says so: the folder's own with our lines after it, which win. */
  readonly text: string;
  /** @param path relative to the folder, with `/` between its parts */
  readonly admits: (path: string) => boolean;
}

/** Source of the rules: https://docs.docker.com/build/concepts/context/#dockerignore-files */
export async function readDockerIgnore(folder: string): Promise<DockerIgnore> {
  const own = await readFile(join(folder, '.dockerignore'), 'utf8').catch(() => '');
  const text = `${own.trimEnd()}\n\n# Never part of a build, whatever stands above.\n${NEVER.join('\n')}\n`.trimStart();
  return { text, admits: admittedBy(text) };
}

/** @param text of a .dockerignore */
export function admittedBy(text: string): DockerIgnore['admits'] {
  // Its types say `export default`, and Node gives what the module exports: the function itself.
  const ignore = dockerignore as unknown as typeof dockerignore.default;
  const rules = ignore({ ignorecase: false }).add(text);
  return (path) => !rules.ignores(path);
}
