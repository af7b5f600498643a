import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { $ } from 'zx';

const STEP = join(import.meta.dirname, '../../build/steps/run-install-scripts.mjs');

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-scripts-'));
  await chmod(folder, 0o755);
  await write('token', '//registry.example.org/:_authToken=secret\n');
  await chmod(join(folder, 'token'), 0o400);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (path: string, content: unknown): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
};
const read = (path: string): Promise<string | undefined> => readFile(join(folder, path), 'utf8').catch(() => undefined);

interface TestPackage {
  readonly script?: string;
  readonly allowed?: boolean;
  readonly optional?: boolean;
}

/** Installs packages without their scripts, and runs the step as a build does: as process 1, which sees no process of the host. */
async function runStep(
  packages: Readonly<Record<string, TestPackage>>,
  more: Readonly<Record<string, object>> = {},
  allowed: Readonly<Record<string, boolean>> = {},
) {
  const locked: Record<string, object> = { '': {} };
  const allowScripts: Record<string, boolean> = { ...allowed };
  for (const [name, { script, allowed = false, optional = false }] of Object.entries(packages)) {
    const manifest = { name, version: '1.0.0', ...(script === undefined ? {} : { scripts: { install: script } }) };
    await write(`app/node_modules/${name}/package.json`, manifest);
    locked[`node_modules/${name}`] = { version: '1.0.0', hasInstallScript: script !== undefined, optional };
    allowScripts[name] = allowed;
  }
  await write('locked/package.json', { allowScripts });
  await write('locked/package-lock.json', { lockfileVersion: 3, packages: { ...locked, ...more } });
  return $({
    nothrow: true,
    cwd: folder,
  })`unshare --pid --fork --mount-proc node ${STEP} ${join(folder, 'locked')} ${join(folder, 'app')}`;
}

// The step runs as root in a build, and gives its rights away.
describe.skipIf(process.getuid?.() !== 0)('install scripts', () => {
  it('change neither another package nor anything else, and read no token', async () => {
    const script = [
      'id -u > uid',
      `(echo poison > ../ms/index.js) 2>/dev/null`,
      `(echo poison > ../../package.json) 2>/dev/null`,
      `(cat ${folder}/token > stolen) 2>/dev/null`,
      'true',
    ].join('; ');
    const { exitCode, stderr } = await runStep({ ms: {}, native: { script, allowed: true } });
    expect(exitCode, stderr).toBe(0);
    expect(await read('app/node_modules/native/uid')).toBe('1000\n');
    expect(await read('app/node_modules/ms/index.js')).toBeUndefined();
    expect(await read('app/package.json')).toBeUndefined();
    expect(await read('app/node_modules/native/stolen')).not.toContain('secret');
    expect((await stat(join(folder, 'app/node_modules/native/uid'))).uid).toBe(0);
  });

  it('make root follow no link to the folder of another package', async () => {
    await write('app/node_modules/native/node_modules/inner/package.json', {
      ...{ name: 'inner', version: '1.0.0', scripts: { install: 'true' } },
    });
    await write('victim/file', 'x');
    const script = `rm -rf node_modules/inner && ln -s ${join(folder, 'victim')} node_modules/inner`;
    const { exitCode, stderr } = await runStep(
      { native: { script, allowed: true } },
      { 'node_modules/native/node_modules/inner': { version: '1.0.0', hasInstallScript: true } },
      { inner: true },
    );
    expect(exitCode, stderr).toBe(0);
    for (const path of ['victim', 'victim/file']) expect((await stat(join(folder, path))).uid).toBe(0);
  });

  it('leave nothing running', async () => {
    const script = 'setsid sh -c "until touch ../second/late; do sleep 0.2; done" </dev/null >/dev/null 2>&1 &';
    const { exitCode, stderr } = await runStep({
      first: { script, allowed: true },
      second: { script: 'sleep 2', allowed: true },
    });
    expect(exitCode, stderr).toBe(0);
    expect(await read('app/node_modules/second/late')).toBeUndefined();
  });

  it('run only if the gateway allows them', async () => {
    await runStep({ native: { script: 'touch ran', allowed: false }, constructor: { script: 'touch ran' } });
    expect(await read('app/node_modules/native/ran')).toBeUndefined();
    expect(await read('app/node_modules/constructor/ran')).toBeUndefined();
  });

  it('that fail end the build, but an optional package is left out', async () => {
    const failed = await runStep({ native: { script: 'exit 3', allowed: true } });
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('The install script of native@1.0.0 failed.');
    const { exitCode, stderr } = await runStep({ native: { script: 'exit 3', allowed: true, optional: true } });
    expect(exitCode, stderr).toBe(0);
    expect(await read('app/node_modules/native/package.json')).toBeUndefined();
  });
});
