import { watch } from 'node:fs/promises';
import { execa } from 'execa';
import type { Container } from '../engine/container.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { findEngine } from '../engine/engine.ts';
import { isOnThisHost, toLocalEngine } from '../engine/engine-address.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { formatReference } from '../oci/reference.ts';
import { printable } from '../printable.ts';
import { InterruptedError, type Problem, problemWith, RequestError, requestError } from '../problem.ts';
import { style } from '../report/style.ts';
import { type Overlay, readOverlays } from '../run/overlay.ts';
import { type LoadedPlugin, loadedOverlays, pluginsOf, runImage, waitUntilLive } from '../run/run-image.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { defineCommand } from './options.ts';
import { runCommand as runWith } from './run-command.ts';

const RUN_OPTIONS = {
  overlay: {
    flags: '--overlay <dir>',
    repeatable: true,
    description: 'plugin source folder to mount read-only in place of the compiled plugin',
    example: '--overlay ../openclaw/extensions/slack',
  },
  port: { flags: '--port <port>', description: 'port on 127.0.0.1 to publish the gateway on', default: '18789' },
  watch: { flags: '--watch', description: 'restart the gateway when a file of an overlay changes' },
  detach: { flags: '--detach', description: 'leave the container running instead of following its log' },
  engine: BUILD_OPTIONS.engine,
  json: { flags: '--json', description: 'print one JSON object and nothing else; requires --detach' },
} as const;

export const runCommand = defineCommand({
  name: 'run',
  description: 'run an image, optionally with plugin sources mounted over the compiled plugins',
  options: RUN_OPTIONS,
  help: `
The gateway uses the token in OPENCLAW_GATEWAY_TOKEN, or a new one. State is deleted with the container.

Examples:
  scripts/run run                                              openclaw:local on http://127.0.0.1:18789
  scripts/run run --overlay ../openclaw/extensions/slack --watch
  scripts/run run openclaw:try --port 18790 --detach --json`,
  run,
}).argument('[reference]', 'image in the engine', BUILD_OPTIONS.tag.default);

async function run(text: string, options: OptionValues<typeof RUN_OPTIONS>): Promise<void> {
  const here = process.cwd();
  const { image, port } = checkedRequest(text, options);
  const consequence = 'the container was removed';
  await runWith({ json: options.json, consequence, cleansUp: true }, async (command) => {
    const { signal } = command;
    const engine = await command.orInterrupted(findEngine(options.engine, command.onStep));
    const [overlay] = options.overlay ?? [];
    if (overlay !== undefined && !isOnThisHost(engine.host)) {
      const reason = `cannot be mounted: the engine ${engine.host} runs on another host`;
      const hint = `run the image with an engine of this host: ${toLocalEngine(engine.source)}`;
      throw requestError('--overlay', overlay, reason, hint);
    }
    if ((await inspectLocalImage(engine, image)) === undefined) {
      const hint = 'build it (scripts/run build), or list the images with docker image ls';
      throw requestError('<reference>', text, 'is not in the engine', hint);
    }
    const folders = options.overlay ?? [];
    const overlays = folders.length === 0 ? [] : await readOverlays(folders, await pluginsOf(engine, image), here);
    command.onStep(`starting ${text}`);
    const container = await runImage(engine, image, port, overlays, signal);
    let isKept = false;
    try {
      const plugins = await loadedOverlays(container, overlays);
      command.close();
      // Start watching before the user can read the address and edit a file.
      const restarts = options.watch === true ? [restartOnChange(container, overlays, signal)] : [];
      process.stdout.write(
        `${options.json === true ? json(container, port, plugins) : report(container, port, plugins)}\n`,
      );
      isKept = options.detach === true;
      if (!isKept) await Promise.race([follow(engine, container, signal), ...restarts]);
    } finally {
      if (!isKept) await container.remove();
    }
    if (signal.aborted) throw new InterruptedError(consequence);
    return undefined;
  });
}

function checkedRequest(
  text: string,
  options: OptionValues<typeof RUN_OPTIONS>,
): { readonly image: string; readonly port: number } {
  const problems: Problem[] = [];
  const reference = referenceOr(text, '<reference>', 'for example: scripts/run run openclaw:local', problems);
  const port = Number(options.port ?? RUN_OPTIONS.port.default);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    const hint = 'choose a number from 1 to 65535';
    problems.push(problemWith('--port', String(options.port), 'is not a valid port', hint));
  }
  if (options.json === true && options.detach !== true) {
    problems.push(problemWith('--json', '', 'cannot be used while the log is shown', 'add --detach'));
  }
  if (options.watch === true && (options.detach === true || (options.overlay ?? []).length === 0)) {
    const hint = 'give --overlay DIR, and leave out --detach';
    problems.push(problemWith('--watch', '', 'needs an overlay and cannot be used with --detach', hint));
  }
  if (reference === undefined || problems.length > 0) throw new RequestError(problems);
  return { image: formatReference(reference), port };
}

const address = (port: number): string => `http://127.0.0.1:${port}`;

const json = ({ name }: Container, port: number, overlays: readonly LoadedPlugin[]): string =>
  JSON.stringify({ container: name, url: address(port), overlays }, null, 2);

const report = ({ name }: Container, port: number, overlays: readonly LoadedPlugin[]): string =>
  [
    style('bold', `The gateway answers on ${address(port)}`),
    ...overlays.map(({ id, source }) => `overlay  ${id}: loaded from the mounted ${source}`),
    `token    docker exec ${name} printenv OPENCLAW_GATEWAY_TOKEN`,
    `stop     Ctrl-C, or docker rm --force ${name}`,
  ].join('\n');

/** Follows the log until the container ends or the user interrupts. After a restart it follows the new log. */
async function follow({ docker, environment }: DockerCli, container: Container, signal: AbortSignal): Promise<void> {
  for (let since = '0'; !signal.aborted; since = String(Math.floor(Date.now() / 1000))) {
    await execa(docker, ['logs', '--follow', '--since', since, container.name], {
      env: environment,
      extendEnv: false,
      reject: false,
      stdout: 'inherit',
      stderr: 'inherit',
      cancelSignal: signal,
    });
    // `docker logs --follow` ends when the container restarts.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (!(await container.state()).running) return;
  }
}

/** Editors write a file in several steps: restart only after this long without a change. */
const QUIET_MILLISECONDS = 300;

async function restartOnChange(container: Container, overlays: readonly Overlay[], signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let restarting: Promise<void> = Promise.resolve();
  const restart = async (changed: string): Promise<void> => {
    const started = performance.now();
    process.stderr.write(`- ${changed} changed: restarting\n`);
    await container.restart();
    await waitUntilLive(container, signal);
    for (const { id, source } of await loadedOverlays(container, overlays))
      process.stderr.write(
        `- ${printable(`${id}: loaded from ${source}`)} after ${((performance.now() - started) / 1000).toFixed(1)} s\n`,
      );
  };
  await Promise.all(
    overlays.map(async ({ folder }) => {
      try {
        for await (const { filename } of watch(folder, { recursive: true, signal })) {
          clearTimeout(timer);
          timer = setTimeout(() => {
            restarting = restarting
              .then(() => restart(filename ?? folder))
              .catch((error: unknown) => {
                if (!signal.aborted) process.stderr.write(`! ${printable((error as Error).message)}\n`);
              });
          }, QUIET_MILLISECONDS);
        }
      } catch (error) {
        if ((error as Error).name !== 'AbortError') throw error;
      }
    }),
  );
}
