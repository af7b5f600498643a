import { existsSync, realpathSync } from 'node:fs';
import { readdir, readFile, readlink, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Engine } from '../engine/engine.ts';
import { readNpmOptions } from '../gateway/npm.ts';
import { resolveGatewayPackage } from '../gateway/resolved-package.ts';
import { parseRelaxedJson, RelaxedJsonError } from '../relaxed-json.ts';
import { COMPOSE_FILE, EXTRA_OVERLAY, OVERRIDES, SANDBOX_OVERLAY } from '../stack/compose-overlay.ts';
import {
  effectiveValues,
  FOLDERS,
  gatewayUser,
  projectName,
  type SetupInput,
  type SetupValues,
  snapshotFolder,
  withDefaults,
} from '../stack/setup-values.ts';
import { parseSnapshot, type Snapshot } from '../stack/snapshot.ts';
import type { Folder, GatewayContainer, Installation, PublishedPort } from './installation.ts';

type Docker = (
  ...args: readonly string[]
) => Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;

const VERSION_LABEL = 'org.opencontainers.image.version';

/** Reads the state of an installation. Changes nothing. @param project the folder with docker-compose.yml */
export async function inspectInstallation(engine: Engine, project: string): Promise<Installation> {
  // Ignore stack variables of this shell: doctor checks the installation as it is.
  const environment = Object.fromEntries(
    Object.entries(engine.environment).filter(([name]) => !/^(?:OPENCLAW_|OTEL_|COMPOSE_)/.test(name)),
  );
  const docker: Docker = async (...args) => {
    const { exitCode, stdout, stderr } = await execa(engine.docker, args, {
      env: environment,
      extendEnv: false,
      reject: false,
      cwd: project,
    });
    return { exitCode: exitCode ?? 1, stdout, stderr };
  };
  const dotEnv = await readFile(join(project, '.env'), 'utf8').catch(() => '');
  const input: SetupInput = {
    environment: new Map(Object.entries({ HOME: process.env['HOME'] ?? '' })),
    dotEnv,
    project,
    present: new Set(),
    terminal: false,
  };
  const values = effectiveValues(input);
  const setupValues = withDefaults(values, input);
  const { uid } = gatewayUser(values);
  // The gateway's user is the user of the host, who is root in a container without that namespace.
  const containerUid = values.get('OPENCLAW_USERNS')?.startsWith('keep-id') === true ? '0' : uid;
  const name = setupValues.OPENCLAW_IMAGE;
  const [info, composeVersion, compose, found, image, newestRelease, files] = await Promise.all([
    docker('info', '--format', '{{json .}}'),
    docker('compose', 'version', '--short'),
    docker('compose', 'config', '--format', 'json'),
    findContainer(docker),
    docker('image', 'inspect', '--format', `{{.Id}} {{index .Config.Labels "${VERSION_LABEL}"}}`, name),
    readNpmOptions()
      .then((npm) => resolveGatewayPackage({ kind: 'registry', selector: 'latest' }, npm))
      .then(
        ({ version }) => version,
        () => undefined,
      ),
    readFiles(project),
  ]);
  const { ServerVersion = '', MemTotal = 0 } = JSON.parse(info.stdout || '{}') as {
    readonly ServerVersion?: string;
    readonly MemTotal?: number;
  };
  const { services } =
    compose.exitCode === 0 ? (JSON.parse(compose.stdout) as { readonly services: Services }) : { services: {} };
  const published = Object.values(services).flatMap(({ ports = [] }) => ports.map((port) => port.published));
  const folder = found?.folder ?? '';
  const isOther =
    // A folder that was moved leaves a container with its former path.
    existsSync(folder) &&
    [join(folder, COMPOSE_FILE), ...(found?.composeFiles ?? [])].some((file) => existsSync(file)) &&
    realpathSync(folder) !== realpathSync(project);
  const container = isOther ? undefined : found;
  const [imageId = '', version = ''] = image.stdout.split(' ');
  const hasImage = image.exitCode === 0;
  const [configFile, besideConfig = ''] = await Promise.all(
    ['openclaw.json', '.env'].map((file) =>
      readAsRoot(docker, hasImage ? name : undefined, join(setupValues.OPENCLAW_CONFIG_DIR, file)),
    ),
  );
  return {
    project,
    engine: { version: ServerVersion, host: engine.host, source: engine.source, memory: MemTotal },
    composeVersion: composeVersion.exitCode === 0 ? composeVersion.stdout.replace(/^v/, '') : undefined,
    dotEnv,
    besideConfig,
    config: readConfig(configFile),
    files,
    wantedEnvironment: compose.exitCode === 0 ? wantedEnvironment(services) : undefined,
    composeError: compose.exitCode === 0 ? undefined : compose.stderr.trim().split('\n').at(-1),
    container,
    namesake: isOther ? { project: projectName(values, input), folder } : undefined,
    image: hasImage ? { name, id: imageId, version: version === '' ? undefined : version } : undefined,
    newestRelease,
    folders: await Promise.all(
      FOLDERS.map((variable) =>
        inspectFolder(docker, hasImage ? name : undefined, variable, setupValues, { uid, containerUid }),
      ),
    ),
    ports: await Promise.all(
      (['OPENCLAW_GATEWAY_PORT', 'OPENCLAW_BRIDGE_PORT'] as const).map((variable) =>
        findHolder(docker, variable, Number(setupValues[variable]), container, published),
      ),
    ),
    snapshots: await readSnapshots(snapshotFolder(values, setupValues)),
  };
}

async function readSnapshots(folder: string): Promise<readonly Snapshot[] | undefined> {
  if (!existsSync(folder)) return [];
  try {
    // An update that was killed while it saved the state has left N.partial.
    const names = (await readdir(folder)).filter((name) => /^\d+(?:\.partial)?$/.test(name));
    const read = names.map(async (name) => {
      const path = join(folder, name);
      const isPartial = name.endsWith('.partial');
      const text = await readFile(join(path, 'snapshot'), 'utf8').catch((error) => {
        if (isPartial) return '';
        throw error;
      });
      return parseSnapshot(Number.parseInt(name, 10), text, isPartial || existsSync(join(path, 'unfinished')));
    });
    return (await Promise.all(read)).sort((a, b) => a.number - b.number);
  } catch {
    return undefined;
  }
}

async function readFiles(project: string): Promise<ReadonlyMap<string, string>> {
  const names = [...OVERRIDES, EXTRA_OVERLAY, SANDBOX_OVERLAY];
  const read = names.map(async (name): Promise<[string, string][]> => {
    const content = await readFile(join(project, name), 'utf8').catch(() => undefined);
    return content === undefined ? [] : [[name, content]];
  });
  return new Map((await Promise.all(read)).flat());
}

/** The services of `docker compose config --format json`. */
type Services = Readonly<
  Record<
    string,
    {
      readonly environment?: Readonly<Record<string, string | null>>;
      readonly ports?: readonly { readonly published?: string }[];
    }
  >
>;

function wantedEnvironment(services: Services): ReadonlyMap<string, string> {
  const environment = Object.entries(services['openclaw-gateway']?.environment ?? {});
  // Null means: passed on if set, and it is not set. Compose prints $ as $$.
  return new Map(environment.flatMap(([name, value]) => (value === null ? [] : [[name, value.replaceAll('$$', '$')]])));
}

/** `TZ=UTC` → `TZ`. */
const nameOf = (line: string): string => line.replace(/=.*$/s, '');

interface InspectedContainer {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly ImageManifestDescriptor?: { readonly digest: string };
  readonly State: { readonly Status: string; readonly Health?: { readonly Status: string } };
  readonly Config: { readonly Env?: readonly string[]; readonly Labels?: Readonly<Record<string, string>> };
  readonly Mounts?: readonly { readonly Source: string; readonly Destination: string }[];
  readonly NetworkSettings?: {
    readonly Ports?: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
  };
}

/** Podman adds them to each container. */
const PODMAN_VARIABLES = ['container', 'HOSTNAME'];

async function findContainer(docker: Docker): Promise<GatewayContainer | undefined> {
  const { stdout: id } = await docker('compose', 'ps', '--all', '--quiet', 'openclaw-gateway');
  if (id === '') return undefined;
  const { stdout } = await docker('container', 'inspect', id.split('\n')[0] ?? '');
  const inspected = (JSON.parse(stdout || '[]') as readonly InspectedContainer[])[0];
  if (inspected === undefined) return undefined;
  const { State, Config, Mounts = [] } = inspected;
  const { stdout: own } = await docker('image', 'inspect', '--format', '{{json .Config.Env}}', inspected.Image);
  return {
    id: inspected.Id,
    status: State.Status,
    health: State.Health?.Status,
    imageId: inspected.Image,
    // An entry without = is a variable that is not set.
    environment: new Map(
      (Config.Env ?? [])
        .filter((line) => line.includes('='))
        .map((line) => [nameOf(line), line.replace(/^[^=]*=/, '')]),
    ),
    imageVariables: new Set([...(JSON.parse(own || '[]') as readonly string[]).map(nameOf), ...PODMAN_VARIABLES]),
    mounts: Mounts.map(({ Source, Destination }) => ({ source: Source, target: Destination })),
    folder: Config.Labels?.['com.docker.compose.project.working_dir'] ?? '',
    composeFiles: (Config.Labels?.['com.docker.compose.project.config_files'] ?? '').split(','),
  };
}

/** Reads a file. A file that this user may not read is read in a container. */
async function readAsRoot(docker: Docker, image: string | undefined, path: string): Promise<string | undefined> {
  const read = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => error.code);
  if (read === 'ENOENT') return undefined;
  if (read !== 'EACCES') return read;
  if (image === undefined) return undefined;
  const { stdout, exitCode } = await inContainer(docker, image, dirname(path), 'cat "/look/$0"', basename(path));
  return exitCode === 0 ? stdout : undefined;
}

/** Runs a line of shell in a container with a folder mounted at /look; `args` are $0, $1 … */
const inContainer = (docker: Docker, image: string, folder: string, line: string, ...args: readonly string[]) =>
  docker(
    ...['run', '--rm', '--network', 'none', '--security-opt', 'label=disable'],
    ...['--user', '0:0', '--cap-drop', 'ALL', '--cap-add', 'DAC_OVERRIDE'],
    ...['--mount', `type=bind,"source=${folder.replaceAll('"', '""')}",target=/look,readonly`],
    ...['--entrypoint', 'sh', image, '-c', line, ...args],
  );

function readConfig(text: string | undefined): unknown {
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return parseRelaxedJson(text);
  } catch (error) {
    if (error instanceof RelaxedJsonError) return 'unreadable';
    throw error;
  }
}

/** Counts files with another owner, as setup does: files inside the workspace belong to the user. */
async function inspectFolder(
  docker: Docker,
  image: string | undefined,
  variable: (typeof FOLDERS)[number],
  setupValues: SetupValues,
  { uid, containerUid }: { readonly uid: string; readonly containerUid: string },
): Promise<Folder> {
  const path = setupValues[variable];
  const disk = await statfs(path).catch((error: NodeJS.ErrnoException) => error.code);
  const free = typeof disk === 'object' ? disk.bavail * disk.bsize : undefined;
  if (disk === 'ENOENT') return { variable, path, exists: false, uid, foreign: undefined, free };
  if (image === undefined) return { variable, path, exists: true, uid, foreign: undefined, free };
  const workspace = setupValues.OPENCLAW_WORKSPACE_DIR;
  const tests =
    variable === 'OPENCLAW_WORKSPACE_DIR'
      ? '-maxdepth 0'
      : workspace.startsWith(`${path}/`)
        ? '-path "$0" -prune -o'
        : '';
  const { stdout, exitCode } = await inContainer(
    docker,
    image,
    path,
    `find /look -xdev ${tests} ! -uid ${containerUid} -print | wc -l`,
    `/look${workspace.slice(path.length)}`,
  );
  return { variable, path, exists: true, uid, foreign: exitCode === 0 ? Number(stdout) : undefined, free };
}

/** Finds the process or container that listens on a port of this host. */
async function findHolder(
  docker: Docker,
  variable: string,
  port: number,
  container: GatewayContainer | undefined,
  published: readonly (string | undefined)[],
): Promise<PublishedPort> {
  if (!published.includes(String(port))) return { variable, port, published: false, holder: undefined, own: false };
  // Podman has no filter for ports.
  const ids = (await docker('ps', '--quiet')).stdout.split('\n').filter((id) => id !== '');
  const { stdout } = ids.length === 0 ? { stdout: '' } : await docker('container', 'inspect', ...ids);
  const holders = (JSON.parse(stdout || '[]') as readonly InspectedContainer[]).filter(({ NetworkSettings }) =>
    Object.values(NetworkSettings?.Ports ?? {}).some((bindings) => bindings?.some((to) => to.HostPort === `${port}`)),
  );
  // Another container may publish the same port on another address.
  const found = holders.find(({ Id }) => Id === container?.id) ?? holders[0];
  const holder = found === undefined ? await listener(port) : `the container ${found.Name.replace(/^\//, '')}`;
  return { variable, port, published: true, holder, own: found !== undefined && found.Id === container?.id };
}

/** On Linux: /proc/net/tcp lists sockets, /proc/PID/fd their owners (proc(5)). Elsewhere: lsof. */
async function listener(port: number): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    const { stdout } = await execa('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { reject: false });
    const [pid, command] = [/^p(\d+)$/m.exec(stdout)?.[1], /^c(.+)$/m.exec(stdout)?.[1]];
    return pid === undefined ? undefined : `process ${pid} (${command ?? '?'})`;
  }
  const LISTENING = '0A';
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((table) => readFile(table, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)));
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inode = rows.find((row) => row[1]?.endsWith(hexPort) === true && row[3] === LISTENING)?.[9];
  if (inode === undefined) return undefined;
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const links = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    if (links.includes(`socket:[${inode}]`))
      return `process ${pid} (${(await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()})`;
  }
  return 'a process of another user';
}
