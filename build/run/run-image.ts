import { randomBytes } from 'node:crypto';
import { type Container, poll, startContainer } from '../engine/container.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { requestGateway } from '../engine/gateway-request.ts';
import { InterruptedError, WorkError } from '../problem.ts';
import { type ImagePlugins, type Overlay, overlayTarget } from './overlay.ts';

/** A plugin as the running gateway reports it. */
export interface LoadedPlugin {
  readonly id: string;
  /** File in the container. */
  readonly source: string;
}

const START_SECONDS = 120;

/** Set by users; a gateway that reads it looks for sources of its compiled plugins. Source: src/plugins/bundled-source-overlays.ts */
const DISABLE_OVERLAYS = 'OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS';

const LIST_PLUGINS = `const { globSync, readFileSync } = require('fs');
const ids = (folder) => globSync(folder + '/*/openclaw.plugin.json').map((file) => JSON.parse(readFileSync(file, 'utf8')).id);
const readsSources = globSync('/app/dist/**/*.{js,mjs,cjs}').some((file) => readFileSync(file, 'utf8').includes('${DISABLE_OVERLAYS}'));
const { version } = JSON.parse(readFileSync('/app/package.json', 'utf8'));
console.log(JSON.stringify({ version, compiled: ids('/app/dist/extensions'), sources: ids('/app/extensions'), readsSources }));`;

/** Reads which plugins an image contains, and whether its gateway loads mounted sources. @throws WorkError if it has no gateway */
export async function pluginsOf(engine: DockerCli, image: string): Promise<ImagePlugins> {
  const container = await startContainer(engine, { image, entrypoint: 'sleep', command: ['60'] });
  try {
    const { stdout, stderr } = await container.exec(['node', '-e', LIST_PLUGINS]);
    if (stdout.trim() !== '') return JSON.parse(stdout) as ImagePlugins;
    throw new WorkError({
      kind: 'overlay',
      title: 'The plugins of the image cannot be read',
      reason: `${image} has no gateway in /app, or no Node.`,
      hint: 'check it with: scripts/run verify',
      lines: stderr.trim().split('\n').slice(-10),
    });
  } finally {
    await container.remove();
  }
}

/** Starts the image with its default command, and waits until the gateway answers. */
export async function runImage(
  engine: DockerCli,
  image: string,
  port: number,
  overlays: readonly Overlay[],
  signal: AbortSignal,
): Promise<Container> {
  const container = await startContainer(engine, {
    image,
    published: [`127.0.0.1:${port}:18789`],
    mounts: overlays.map(({ id, folder }) => ({ from: folder, to: overlayTarget(id) })),
    environment: {
      OPENCLAW_GATEWAY_TOKEN: process.env['OPENCLAW_GATEWAY_TOKEN'] ?? randomBytes(32).toString('hex'),
    },
  });
  try {
    await waitUntilLive(container, signal);
    return container;
  } catch (error) {
    await container.remove();
    throw error;
  }
}

/** @throws WorkError with the gateway's last log lines if it does not answer; InterruptedError after `signal` */
export async function waitUntilLive(container: Container, signal: AbortSignal): Promise<void> {
  const live = await poll(async () => {
    const { running } = await container.state();
    if (!running || signal.aborted) return false;
    const answer = await requestGateway(container, '/healthz', [200], { seconds: 2, every: 0.5 });
    return answer === undefined ? undefined : answer !== 'no shell';
  }, START_SECONDS);
  if (signal.aborted) throw new InterruptedError('the container is gone');
  if (live === true) return;
  throw new WorkError({
    kind: 'gateway',
    title: 'The gateway does not answer',
    reason: live === false ? 'The container ended.' : `/healthz did not answer within ${START_SECONDS} s.`,
    hint: 'see the last lines of the log, below',
    lines: await container.lines(20),
  });
}

/**
 * Asks the running gateway from which file it loaded each overlaid plugin.
 *
 * @throws WorkError if a plugin was not loaded from its overlay
 */
export async function loadedOverlays(
  container: Container,
  overlays: readonly Overlay[],
): Promise<readonly LoadedPlugin[]> {
  if (overlays.length === 0) return [];
  const { stdout, stderr } = await container.exec(['openclaw', 'plugins', 'list', '--json']);
  // The CLI may print log lines before the list.
  const list = stdout.includes('{') ? stdout.slice(stdout.indexOf('{')) : '{"plugins":[]}';
  const { plugins } = JSON.parse(list) as { readonly plugins: readonly LoadedPlugin[] };
  return overlays.map(({ id, folder }) => {
    const plugin = plugins.find((entry) => entry.id === id);
    if (plugin?.source.startsWith(`${overlayTarget(id)}/`) === true) return { id, source: plugin.source };
    const words = stderr.trim() === '' ? JSON.stringify(plugin ?? {}, null, 2) : stderr.trim();
    throw new WorkError({
      kind: 'overlay',
      title: 'The gateway does not load the mounted source',
      reason: `${id} was loaded from ${plugin?.source ?? 'no file'}, not from ${folder}.`,
      hint: `unset ${DISABLE_OVERLAYS}; what \`openclaw plugins list\` says of the plugin is below`,
      lines: words.split('\n').slice(-10),
    });
  });
}
