import { appendFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, run, runUntil } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { IMAGE_OF, PLUGIN_OF, testGateway } from '../support/gateway.ts';

let folder = '';
let port = 0;

/** The source of a compiled plugin of an image. The folder has a comma in its name, which docker's --mount would take for a separator. */
async function takePlugin(image: string, id: string): Promise<string> {
  const within = join(folder, `a,${image.replace(/\W/g, '')}`);
  await mkdir(within);
  const { stdout: name } = await docker('create', image);
  await docker('cp', `${name}:/app/dist/extensions/${id}`, within);
  await docker('rm', name);
  return join(within, id);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-run-'));
  port = await freePort();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('image:run --overlay', () => {
  it('loads the mounted source read-only, and answers on the host', async () => {
    const source = await takePlugin('openclaw:local', PLUGIN_OF.whole);
    const { exitCode, stdout, stderr } = await run([
      'run',
      ...['--overlay', source, '--port', String(port), '--detach', '--json'],
    ]);
    expect(exitCode, stderr).toBe(0);
    const { container, url, overlays } = JSON.parse(stdout);
    try {
      expect(overlays).toEqual([{ id: 'webhooks', source: expect.stringMatching(/^\/app\/extensions\/webhooks\//) }]);
      expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true, status: 'live' });
      const { exitCode: written } = await docker(
        'exec',
        '--user',
        'root',
        container,
        'touch',
        '/app/extensions/webhooks/x',
      );
      expect(written).not.toBe(0);
    } finally {
      await docker('rm', '--force', container);
    }
  });

  it('restarts after an edit, prints the source of the plugin again, and removes the container after Ctrl-C', async () => {
    const [image, plugin] = [IMAGE_OF[testGateway()], PLUGIN_OF[testGateway()]];
    const source = await takePlugin(image, plugin);
    const { exitCode, output } = await runUntil(
      /mounted/,
      ['run', image, '--overlay', source, '--port', String(port), '--watch'],
      () => appendFile(join(source, 'index.js'), '\n'),
      [{ line: new RegExp(`^- ${plugin}: loaded .* after \\d`, 'm'), act: (pid) => process.kill(pid, 'SIGINT') }],
    );
    expect({ exitCode }, output).toEqual({ exitCode: 130 });
    expect(output).toMatch(
      new RegExp(`index\\.js changed: restarting\\n.*${plugin}: loaded from /app/extensions/${plugin}`, 's'),
    );
    const [, name] = /docker exec (\S+)/.exec(output) ?? [];
    expect((await docker('container', 'inspect', name ?? '')).exitCode).not.toBe(0);
  });

  it('removes the container after Ctrl-C while the gateway starts', async () => {
    // Other tests verify other images at the same time.
    const filters = ['name=^openclaw-image-[0-9a-f]{8}$', 'ancestor=openclaw:local'].flatMap((one) => [
      '--filter',
      one,
    ]);
    const containers = async () => (await docker('ps', '--all', ...filters, '--format', '{{.Names}}')).stdout;
    const before = await containers();
    const { exitCode, output } = await runUntil(/^- starting/m, ['run', '--port', String(port)], (pid) =>
      process.kill(pid, 'SIGINT'),
    );
    expect({ exitCode }, output).toEqual({ exitCode: 130 });
    expect(output).not.toContain('The gateway answers');
    expect(await containers()).toBe(before);
  });

  it('refuses a folder whose plugin the image does not contain, and a missing image', async () => {
    const refused = await run(['run', '--overlay', folder]);
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('no openclaw.plugin.json') });
    const missing = await run(['run', 'openclaw-image-test:never-built']);
    expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is not in the engine') });
  });
});
