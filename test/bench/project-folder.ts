import { cp, mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A folder with the stack of this project, as a clone has it, and the variables for its setup. */
export interface ProjectFolder {
  /** Contains the project; the caller removes it. */
  readonly folder: string;
  readonly project: string;
  /** Port of the gateway on this host. */
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** @param variables of the engine */
export async function makeProjectFolder(variables: NodeJS.ProcessEnv): Promise<ProjectFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));
  const project = join(folder, 'openclaw-image');
  await mkdir(project);
  await cp(join(ROOT, 'docker-compose.yml'), join(project, 'docker-compose.yml'));
  for (const name of ['build', 'scripts', 'dockerfiles']) await symlink(join(ROOT, name), join(project, name));
  const port = await freePort();
  const environment = {
    ...(variables as Record<string, string>),
    COMPOSE_PROJECT_NAME: `openclaw-bench-${port}`,
    COMPOSE_PROGRESS: 'quiet',
    OPENCLAW_CONFIG_DIR: join(folder, 'config'),
    OPENCLAW_WORKSPACE_DIR: join(folder, 'config/workspace'),
    OPENCLAW_AUTH_PROFILE_SECRET_DIR: join(folder, 'secrets'),
    OPENCLAW_GATEWAY_PORT: String(port),
    OPENCLAW_BRIDGE_PORT: String(await freePort()),
  };
  return { folder, project, port, environment };
}
