import { join } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { readSourceFile } from './source-file.ts';

/** Never part of a build, whatever the checkout's .dockerignore says: git history, secrets, packages installed on the host. */
const NEVER = ['.git', '**/.git', '.env*', '**/.env*', 'node_modules', '**/node_modules'];

/** Decides which files of a folder are part of a build. */
export interface DockerIgnore {
  /** Text of a .dockerignore: the folder's own, followed by our lines, which take precedence. */
  readonly text: string;
  /** @param path relative to the folder, with `/` between its parts */
  readonly admits: (path: string) => boolean;
}

/** Source: https://docs.docker.com/build/concepts/context/#dockerignore-files */
export async function readDockerIgnore(folder: string): Promise<DockerIgnore> {
  const own = await readSourceFile(join(folder, '.dockerignore')).catch(() => '');
  const text = `${own.trimEnd()}\n\n# Never part of a build.\n${NEVER.join('\n')}\n`.trimStart();
  return { text, admits: admittedBy(text) };
}

/** @param text of a .dockerignore */
export function admittedBy(text: string): DockerIgnore['admits'] {
  // The types declare `export default`, but Node returns the exported function itself.
  const ignore = dockerignore as unknown as typeof dockerignore.default;
  const rules = ignore({ ignorecase: false }).add(text);
  return (path) => !rules.ignores(path);
}
