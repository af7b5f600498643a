import { createCipheriv } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuiltImage } from '../../build/image/built-image.ts';
import { docker, inImage, ROOT } from '../support/command.ts';

const IMAGES = {
  default: 'openclaw-image-test:sandbox',
  common: 'openclaw-image-test:sandbox-common',
  browser: 'openclaw-image-test:sandbox-browser',
} as const;
const NETWORK = 'openclaw-image-test-sandbox';
const TOKEN = 'sesame-0123456789abcdef';
const CONTAINER = 'openclaw-image-test-browser';

const setUp = async (script: string, ...args: readonly string[]) => {
  const { exitCode, stdout, stderr } = await execa(join(ROOT, 'scripts', script), args, {
    reject: false,
    env: { CI: 'true', NO_COLOR: '1' },
  });
  return { exitCode, stdout, stderr };
};
const build = async (script: string, tag: string): Promise<BuiltImage> => {
  const { exitCode, stdout, stderr } = await setUp(script, '--tag', tag, '--json');
  expect(exitCode, stderr + stdout).toBe(0);
  return JSON.parse(stdout) as BuiltImage;
};

afterAll(async () => {
  await docker('rm', '--force', CONTAINER);
  await docker('network', 'rm', NETWORK);
  await docker('image', 'rm', ...Object.values(IMAGES));
});

describe('scripts/sandbox-setup.sh', () => {
  it('builds an image with the documented tools, for an unprivileged user', async () => {
    const built = await build('sandbox-setup.sh', IMAGES.default);
    expect(built.digest).toMatch(/^sha256:/);
    const line =
      'id -un; id -u; pwd; for tool in bash curl git jq python3 rg; do command -v $tool; done; find /var/lib/apt/lists /var/cache/apt -type f -size +0';
    const { stdout } = await inImage(IMAGES.default, line, '');
    expect(stdout.split('\n')).toEqual([
      'sandbox',
      '1000',
      '/home/sandbox',
      ...['bash', 'curl', 'git', 'jq', 'python3', 'rg'].map((tool) => `/usr/bin/${tool}`),
    ]);
    const { stdout: config } = await docker('image', 'inspect', IMAGES.default, '--format', '{{json .Config.Cmd}}');
    expect(JSON.parse(config)).toEqual(['sleep', 'infinity']);
  });

  it('runs no step again if nothing changed', async () => {
    const { stages } = await build('sandbox-setup.sh', IMAGES.default);
    expect(stages.filter(({ stage, cached }) => !cached && stage !== 'export')).toEqual([]);
  });

  it('reports all problems of a request before it contacts an engine', async () => {
    const { exitCode, stderr } = await setUp('sandbox-setup.sh', '--tag', 'No Tag', '--base', 'node:24');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('No Tag');
    expect(stderr).toContain('node:24');
  });
});

describe('scripts/sandbox-common-setup.sh', { tags: ['nightly'] }, () => {
  it('adds compilers, Go, Rust, Node, pnpm and Bun', async () => {
    await build('sandbox-common-setup.sh', IMAGES.common);
    const line =
      'set -e; id -un; gcc --version; go version; cargo --version; rustc --version; node --version; npm --version; pnpm --version; bun --version';
    const { exitCode, stdout, stderr } = await inImage(IMAGES.common, line, '');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^sandbox\ngcc .*\n[\s\S]*go version go[\s\S]*cargo [\s\S]*rustc [\s\S]*v24\.\d+\.\d+\n/);
  });

  it('has the layers of the first image below its own', async () => {
    const layersOf = async (image: string): Promise<readonly string[]> =>
      JSON.parse((await docker('image', 'inspect', image, '--format', '{{json .RootFS.Layers}}')).stdout);
    const [first, common] = [await layersOf(IMAGES.default), await layersOf(IMAGES.common)];
    expect(common.slice(0, first.length - 1)).toEqual(first.slice(0, -1));
  });
});

describe('scripts/sandbox-browser-setup.sh', () => {
  let subnet = '';
  let address = '';
  let port = '';
  const allowed = () => `${subnet}.10`;

  beforeAll(async () => {
    await build('sandbox-browser-setup.sh', IMAGES.browser);
    // A killed test run may have left them.
    await docker('rm', '--force', CONTAINER);
    await docker('network', 'rm', NETWORK);
    await docker('network', 'create', NETWORK, '--subnet', '10.213.7.0/24');
    subnet = '10.213.7';
    const { exitCode, stderr } = await docker(
      ...[
        'run',
        '--detach',
        '--init',
        '--read-only',
        '--tmpfs=/tmp',
        '--cap-drop=ALL',
        '--name',
        CONTAINER,
        '--network',
        NETWORK,
        '--ip',
        `${subnet}.2`,
      ],
      ...['--publish', '127.0.0.1::6080', '--env', `OPENCLAW_BROWSER_CDP_SOURCE_RANGE=${allowed()}/32`],
      ...['--env', 'OPENCLAW_BROWSER_NOVNC_PASSWORD=sesame-7'],
      ...['--env', `OPENCLAW_BROWSER_CDP_AUTH_TOKEN=${TOKEN}`, IMAGES.browser],
    );
    expect(exitCode, stderr).toBe(0);
    address = `${subnet}.2`;
    port = (await docker('port', CONTAINER, '6080')).stdout.split(':').at(-1) ?? '';
    await until(async () => (await curlFrom(allowed(), '/json/version')).exitCode === 0);
  });

  const until = async (ready: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await ready()); tries += 1) {
      if (tries === 240) throw new Error((await docker('logs', CONTAINER)).stderr);
      await sleep(500);
    }
  };
  /** Connects to DevTools from another container, whose address is `from`. */
  const curlFrom = (from: string, path: string, token = TOKEN) =>
    docker(
      ...['run', '--rm', '--network', NETWORK, '--ip', from, IMAGES.default],
      ...[
        'curl',
        '--silent',
        '--show-error',
        '--max-time',
        '5',
        '--fail',
        '--user',
        `openclaw:${token}`,
        `http://${address}:9222${path}`,
      ],
    );

  it('answers DevTools requests from the allowed range', async () => {
    const { stdout } = await curlFrom(allowed(), '/json/version');
    expect(JSON.parse(stdout)).toMatchObject({ Browser: expect.stringMatching(/^(?:Chrome|Chromium)\//) });
  });

  it('does not answer other addresses', async () => {
    const { exitCode, stdout } = await curlFrom(`${subnet}.11`, '/json/version');
    expect(stdout).toBe('');
    expect(exitCode).not.toBe(0);
  });

  it("does not answer without the gateway's token, and has the label that says so", async () => {
    const { exitCode, stdout, stderr } = await curlFrom(allowed(), '/json/version', 'wrong');
    expect(stdout).toBe('');
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('401');
    const format = '{{index .Config.Labels "org.openclaw.sandbox-browser.contract"}}';
    const label = await docker('image', 'inspect', '-f', format, IMAGES.browser);
    expect(label.stdout).toBe('2026-05-12-cdp-relay-auth');
  });

  it('shows its screen with the right password', async () => {
    const page = await fetch(`http://127.0.0.1:${port}/vnc.html`);
    expect(page.status).toBe(200);
    expect(await vncLogin(port, 'sesame-7')).toEqual({ types: [2], result: 0 });
  });

  it('does not show its screen with a wrong password', async () => {
    expect(await vncLogin(port, 'wrong')).toEqual({ types: [2], result: 1 });
  });

  it('keeps the password from Chromium and its child processes', async () => {
    const line = 'for file in /proc/[0-9]*/environ; do tr "\\0" "\\n" <$file; done 2>/dev/null | grep -c sesame';
    // Process 1 is the engine's init, which has the variables of docker run.
    const { stdout } = await docker(
      'exec',
      CONTAINER,
      'sh',
      '-c',
      `pgrep chromium >/dev/null && ${line.replace('[0-9]*', '$(pgrep -o chromium)')}`,
    );
    expect(stdout).toBe('0');
  });

  it.each([
    ['OPENCLAW_BROWSER_CDP_SOURCE_RANGE=0.0.0.0/0,exec:sh', 'is not an IPv4 range'],
    ['OPENCLAW_BROWSER_CDP_SOURCE_RANGE=300.0.0.1/8', 'is not an IPv4 range'],
    ['OPENCLAW_BROWSER_CDP_PORT=9222,fork', 'is not a port'],
    ['OPENCLAW_BROWSER_CDP_PORT=5899', 'is already used'],
    ['OPENCLAW_BROWSER_NOVNC_PASSWORD=a\nb', 'control character'],
    ['OPENCLAW_BROWSER_NOVNC_PORT=a[$(id)]', 'is not a port'],
  ])('refuses %s', async (variable, reason) => {
    const { exitCode, stderr } = await docker('run', '--rm', '--env', variable, IMAGES.browser);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(reason);
  });

  it('ends when its browser ends', async () => {
    await docker('exec', CONTAINER, 'pkill', '-o', 'chromium');
    await until(async () => (await docker('inspect', CONTAINER, '--format', '{{.State.Running}}')).stdout === 'false');
  });
});

/**
 * Logs in to a screen through noVNC's web socket.
 *
 * Source: RFC 6143, sections 7.1 and 7.2.2
 * @returns the offered security types (2: password, 1: none), and 0 for a right answer
 */
async function vncLogin(
  port: string,
  password: string,
): Promise<{ readonly types: number[]; readonly result: number }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/websockify`);
  socket.binaryType = 'arraybuffer';
  let received = Buffer.alloc(0);
  let open = true;
  let wake = (): void => {};
  socket.addEventListener('message', ({ data }) => {
    received = Buffer.concat([received, Buffer.from(data as ArrayBuffer)]);
    wake();
  });
  socket.addEventListener('close', () => {
    open = false;
    wake();
  });
  const read = async (bytes: number): Promise<Buffer> => {
    while (received.length < bytes) {
      if (!open) throw new Error(`the screen closed the connection after ${received.length} of ${bytes} bytes`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const bytesRead = received.subarray(0, bytes);
    received = received.subarray(bytes);
    return bytesRead;
  };
  try {
    expect((await read(12)).toString()).toBe('RFB 003.008\n');
    socket.send(Buffer.from('RFB 003.008\n'));
    const [count = 0] = await read(1);
    const types = [...(await read(count))];
    socket.send(Uint8Array.of(2));
    const challenge = await read(16);
    // DES with each byte of the password reversed. Triple DES with the same key three times is DES.
    const key = Buffer.alloc(8);
    key.write(password.slice(0, 8), 'latin1');
    const reversed = key.map((byte) =>
      Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2),
    );
    const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([reversed, reversed, reversed]), null).setAutoPadding(
      false,
    );
    socket.send(Buffer.concat([cipher.update(challenge), cipher.final()]));
    return { types, result: (await read(4)).readUInt32BE() };
  } finally {
    socket.close();
  }
}
