import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { makeCertificate } from '../support/certificate.ts';
import { docker, inImage, run } from '../support/command.ts';
import { packGateway } from '../support/pack-gateway.ts';

const IMAGE = 'openclaw-image-test:git-dependency';
let folder = '';
/** A git server: repositories as files. Source: git-http-backend(1), "dumb HTTP" */
let server: Server;
let address = '';
let ca = '';

/** Serves a repository with one commit. @returns the commit */
async function serveRepository(name: string, manifest: object): Promise<string> {
  const source = join(folder, name);
  await mkdir(source);
  await writeFile(
    join(source, 'package.json'),
    JSON.stringify({ name, version: '2.0.1', license: 'MIT', ...manifest }),
  );
  await writeFile(join(source, 'index.js'), "module.exports = 'from git';\n");
  const git = $({ cwd: source });
  await git`git init --quiet`;
  await git`git add --all`;
  await git`git -c user.name=Test -c user.email=test@example.org commit --quiet --message ${'A package'}`;
  await git`git clone --quiet --bare . ${join(folder, 'served', `${name}.git`)}`;
  await $({ cwd: join(folder, 'served', `${name}.git`) })`git update-server-info`;
  return (await git`git rev-parse HEAD`).stdout.trim();
}

const gateway = (name: string, dependencies: object, optionalDependencies = {}): Promise<string> =>
  packGateway(folder, name, {
    'package.json': JSON.stringify({
      ...{
        name: 'openclaw',
        version: '2026.3.13',
        description: 'A gateway',
        license: 'MIT',
        dependencies,
        optionalDependencies,
      },
      bin: { openclaw: 'openclaw.mjs' },
    }),
    'openclaw.mjs': '#!/usr/bin/env node\n',
    'dist/build-info.json': JSON.stringify({ commit: 'a'.repeat(40), builtAt: '2026-03-13T00:00:00.000Z' }),
  });

const build = (archive: string, ...more: readonly string[]) =>
  run(['build', '--package', archive, '--ca', ca, '--tag', IMAGE, ...more]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-git-'));
  await mkdir(join(folder, 'served'));
  const { bundle, cert, key } = await makeCertificate('127.0.0.1', folder);
  ca = bundle;
  server = createServer({ cert, key }, ({ url = '/' }, response) => {
    const file = join(folder, 'served', normalize(new URL(url, 'https://host').pathname));
    if (existsSync(file) && statSync(file).isFile()) return response.end(readFileSync(file));
    return response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  address = `git+https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await docker('image', 'rm', '--force', IMAGE);
  await rm(folder, { recursive: true, force: true });
});

describe('a dependency from git', () => {
  it('is in the image at the commit of the build, none of its scripts ran on this host, and an annotation names the commit', async () => {
    const script = `node -e "try { require('fs').writeFileSync('${join(folder, 'ran')}', '') } catch {}"`;
    const commit = await serveRepository('from-git', {
      ...{ dependencies: { ms: '^2.1.0' }, scripts: { postinstall: script, install: script } },
    });
    const archive = await gateway('whole', { 'from-git': `${address}/from-git.git` });
    const { exitCode, stdout, stderr } = await build(archive, '--json');
    expect(exitCode, stdout + stderr).toBe(0);
    const resolved = `${address}/from-git.git#${commit}`;
    const { annotations } = JSON.parse(stdout) as { readonly annotations: Readonly<Record<string, string>> };
    expect(annotations['ai.openclaw.image.git-dependencies']).toBe(`from-git=${resolved}`);
    const line = `node -p "require('from-git') + require('ms')('1s')" && ls /app`;
    const image = await inImage(IMAGE, `cd /app && ${line}`);
    expect(image.stdout).toMatch(/^from git1000\n/);
    expect(image.stdout).not.toMatch(/^git$/m);
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it('is refused if its host does not answer, with the option that replaces it', async () => {
    const archive = await gateway('unreachable', { libsignal: 'git+https://127.0.0.1:1/libsignal.git' });
    const { exitCode, stdout } = await build(archive, '--json');
    expect(exitCode).toBe(1);
    const { error } = JSON.parse(stdout) as { readonly error: { kind: string; reason: string; hint: string } };
    expect(error.kind).toBe('git-dependency');
    expect(error.reason).toMatch(
      /^libsignal@git\+https:\/\/127\.0\.0\.1:1\/libsignal\.git cannot be fetched: .*connect/i,
    );
    expect(error.hint).toContain('--override libsignal=npm:libsignal@2.0.1;');
  });

  it('is in the image if it is optional, too, and is left out with a message if its host does not answer', async () => {
    const optional = {
      'from-git': `${address}/from-git.git`,
      gone: 'git+https://127.0.0.1:1/gone.git',
      folder: 'file:../folder',
    };
    const archive = await gateway('optional', {}, optional);
    const { exitCode, stdout, stderr } = await build(archive);
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toMatch(/leaving out gone, which is optional: .*cannot be fetched.*--override gone=VERSION/);
    expect(stderr).toContain('leaving out folder, which is optional: it depends on folder@file:../folder');
    expect((await inImage(IMAGE, 'cd /app && node -p "require(\'from-git\')"')).stdout).toMatch(/^from git\b/);
  });

  it('is refused if a script must build it first', async () => {
    await serveRepository('built', { scripts: { prepare: 'tsc' } });
    const { exitCode, stderr } = await build(await gateway('prepares', { built: `${address}/built.git` }));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('is built by its script `prepare`, and no script runs before the build');
  });

  it('is refused if another package needs a published version of it', async () => {
    await serveRepository('ms', {});
    await serveRepository('needs-ms', { dependencies: { ms: '^2.1.0' } });
    const both = { ms: `${address}/ms.git`, 'needs-ms': `${address}/needs-ms.git` };
    const { exitCode, stderr } = await build(await gateway('both', both));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('is also needed as ^2.1.0');
  });

  it('cannot be a repository of this host', async () => {
    const local = join(folder, 'served/from-git.git');
    const { exitCode, stderr } = await build(await gateway('local', { 'from-git': `git+file://${local}` }));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/transport 'file' not allowed/);
    expect(await readFile(join(local, 'HEAD'), 'utf8')).toContain('ref:');
  });
});
