import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { strToU8, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { hostAddress, makeCertificate } from '../support/certificate.ts';
import { docker, inImage, run, sameBase } from '../support/command.ts';
import { buildArguments } from '../support/gateway.ts';

const IMAGE = 'openclaw-image-test:options';
const SMALL = 'openclaw-image-test:small-options';
/** Must not be in a layer, an argument or a log. */
const CANARY = 'canary5f1c0e';

let folder = '';
let index: Server;
/** The authority of the package index, with those that are already trusted. */
let bundle = '';
let buildWithExtras: (...args: readonly string[]) => ReturnType<typeof run>;
let output: Awaited<ReturnType<typeof run>>;
const requestedPaths: string[] = [];

/** A new version for each run: the engine's cache may contain an earlier one. */
const VERSION = `1.${Date.now()}`;

/** A wheel: a zip file with these contents (PEP 427). */
function wheel(): Uint8Array {
  const info = `openclaw_probe-${VERSION}.dist-info`;
  return zipSync({
    'openclaw_probe.py': strToU8('ANSWER = 42\n'),
    [`${info}/METADATA`]: strToU8(`Metadata-Version: 2.1\nName: openclaw-probe\nVersion: ${VERSION}\n`),
    [`${info}/WHEEL`]: strToU8('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
    [`${info}/RECORD`]: strToU8(`openclaw_probe.py,,\n${info}/METADATA,,\n${info}/WHEEL,,\n${info}/RECORD,,\n`),
  });
}

/** Compressions of the layers in a local cache. An index names a manifest, and the manifest names layers. */
async function readMediaTypes(cache: string): Promise<ReadonlySet<string>> {
  const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(cache, path), 'utf8'));
  const index = (await read('index.json')) as { readonly manifests: readonly { readonly digest: string }[] };
  const manifest = (await read(`blobs/${(index.manifests[0]?.digest ?? '').replace(':', '/')}`)) as {
    readonly layers: readonly { readonly mediaType: string }[];
  };
  return new Set(manifest.layers.map(({ mediaType }) => mediaType));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-options-'));
  const address = await hostAddress();
  const { key, cert, ...made } = await makeCertificate(address, folder);
  bundle = made.bundle;
  // A package index whose authority is only in --ca, and whose password is only in PIP_INDEX_URL.
  index = createServer({ key, cert }, (request, response) => {
    requestedPaths.push(request.url ?? '');
    if (request.headers.authorization !== `Basic ${Buffer.from(`pip:${CANARY}`).toString('base64')}`) {
      response.writeHead(401).end();
    } else if (request.url === '/simple/openclaw-probe/') {
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<a href="/openclaw_probe-${VERSION}-py3-none-any.whl">openclaw_probe-${VERSION}-py3-none-any.whl</a>`);
    } else if (request.url?.endsWith('.whl') === true) {
      response.writeHead(200).end(wheel());
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => index.listen(0, '0.0.0.0', resolve));
  const bound = index.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;

  const env = { PIP_INDEX_URL: `https://pip:${CANARY}@${address}:${port}/simple/`, CI: 'true' };
  buildWithExtras = (...args) =>
    run([...['build', '--json', '--apt', 'jq', '--pip', `openclaw-probe==${VERSION}`, '--ca', bundle], ...args], {
      env,
    });
  output = await buildWithExtras('--tag', IMAGE, '--extensions', 'slack,canvas');
});
afterAll(async () => {
  index?.close();
  await docker('image', 'rm', IMAGE, SMALL);
  await rm(folder, { recursive: true, force: true });
});

describe('a build with all options', () => {
  it('succeeds, and prints only JSON', () => {
    expect(output).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(output.stdout).layers.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['apt', 'pip', 'plugin slack']),
    );
  });

  it('includes the Debian package', async () => {
    expect(await inImage(IMAGE, 'echo \'{"a":1}\' | jq .a')).toMatchObject({ stdout: '1' });
  });

  it('includes the Python package, from an index that requires the CA and the secret address', async () => {
    expect(await inImage(IMAGE, "python3 -c 'import openclaw_probe; print(openclaw_probe.ANSWER)'")).toMatchObject({
      stdout: '42',
    });
    expect(requestedPaths).toContain('/simple/openclaw-probe/');
  });

  it('includes the plugin, and the gateway loads it', async () => {
    const line =
      'echo \'{"plugins":{"entries":{"slack":{"enabled":true}}}}\' >~/.openclaw/openclaw.json && openclaw plugins inspect slack --runtime --json';
    const { stdout, stderr } = await inImage(IMAGE, line);
    const { plugin } = JSON.parse(stdout.slice(stdout.indexOf('{')) || `{"error":${JSON.stringify(stderr)}}`);
    expect(plugin).toMatchObject({ id: 'slack', status: 'loaded', origin: 'bundled' });
    expect(plugin.source).toContain('/app/dist/extensions/slack/');
  });

  it('adds no plugin that the package already contains', () => {
    expect(JSON.parse(output.stdout).plugins.map(({ id }: { id: string }) => id)).toEqual(['slack']);
  });

  it('shares all layers below the extra packages with the plain image', () => {
    const cached = (text: string, name: string) =>
      JSON.parse(text).layers.find((layer: { name: string }) => layer.name === name).cached;
    for (const name of ['system', 'dependencies', 'control-ui', 'server'])
      expect(cached(output.stdout, name)).toBe(true);
  });

  it('satisfies the contract', async () => {
    const { exitCode, stderr } = await buildWithExtras('--tag', SMALL, ...buildArguments('small'));
    expect(exitCode, stderr).toBe(0);
    const { stdout } = await run(['verify', SMALL, '--json']);
    const failed = JSON.parse(stdout).results.filter(
      ({ outcome }: { outcome: { passed: boolean } }) => !outcome.passed,
    );
    expect(failed).toEqual([]);
  });

  it('does not contain the secret in a layer, the config or the history', async () => {
    const engine = inject('engine');
    const archive = join(folder, 'image.tar');
    await execa(engine.docker, ['image', 'save', '--output', archive, SMALL], { env: { DOCKER_HOST: engine.host } });
    const unpacked = join(folder, 'image');
    await execa('mkdir', [unpacked]);
    await execa('tar', ['-xf', archive, '-C', unpacked]);
    // Layers are compressed with zstd: searches their contents, and other files as they are.
    const { stdout: blobs } = await execa('grep', ['-rl', CANARY, unpacked], { reject: false });
    const { stdout: files } = await inImage(
      SMALL,
      `grep -rl --exclude-dir=proc --exclude-dir=sys ${CANARY} / 2>/dev/null`,
      '0',
    );
    const { stdout: history } = await docker('image', 'history', '--no-trunc', SMALL);
    const { stdout: certificates } = await inImage(
      SMALL,
      "grep -rl 'A company that inspects' /etc /usr/local /run /root /home 2>/dev/null",
      '0',
    );
    expect({
      blobs,
      files,
      certificates,
      history: history.includes(CANARY),
      log: output.stdout.includes(CANARY),
    }).toEqual({
      blobs: '',
      files: '',
      certificates: '',
      history: false,
      log: false,
    });
  });
});

describe('other destinations', () => {
  it('writes an OCI archive and a cache, and builds from that cache', async () => {
    const build = (...args: readonly string[]) => run(['build', ...buildArguments('small'), ...args]);
    // Every layer in two compressions: a cache with a mixture of both once used all memory of an engine.
    const pushed = await build('--push', '--tag', `${inject('registry')}/openclaw:two-compressions`, ...sameBase());
    expect(pushed.exitCode, pushed.stderr).toBe(0);
    const archive = join(folder, 'openclaw.oci.tar');
    const cache = join(folder, 'cache');
    const loaded = 'openclaw-image-test:from-archive';
    const { exitCode, stdout, stderr } = await build(
      ...['--tag', loaded, '--output', `type=oci,dest=${archive}`, '--cache-to', `type=local,dest=${cache},mode=min`],
    );
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(`type=oci,dest=${archive}`);
    const { stdout: names } = await execa('tar', ['-tf', archive]);
    expect(names.split('\n')).toEqual(expect.arrayContaining(['index.json', 'oci-layout']));
    // Inspects it by its name.
    expect((await docker('load', '--input', archive)).stdout).toContain(loaded);
    const media = await readMediaTypes(cache);
    expect(media).toEqual(new Set(['application/vnd.oci.image.layer.v1.tar+gzip']));
    const tag = 'openclaw-image-test:from-cache';
    expect((await build('--tag', tag, '--cache-from', `type=local,src=${cache}`)).exitCode).toBe(0);
    await docker('image', 'rm', tag, loaded);
  });

  it('uses --ca for the npm registry too, if its certificate comes from another authority', async () => {
    const { port } = index.address() as AddressInfo;
    const env = {
      npm_config_registry: `https://${await hostAddress()}:${port}/`,
      NODE_EXTRA_CA_CERTS: '',
      SSL_CERT_FILE: '',
      // This setting of npm replaces all other authorities.
      npm_config_cafile: process.env['NODE_EXTRA_CA_CERTS'] ?? '',
      npm_config_fetch_retries: '0',
    };
    const ask = (...args: readonly string[]) => run(['build', '--dry-run', ...args], { env });
    expect((await ask()).stderr).toContain('certificate of the npm registry is not trusted');
    // The connection works, and the registry requires a login.
    expect((await ask('--ca', bundle)).stderr).toMatch(/The npm registry denied access[\s\S]*401/);
  });

  it('plans without an engine', async () => {
    const env = { DOCKER_HOST: 'unix:///nowhere/docker.sock', CI: 'true' };
    const { exitCode, stdout } = await run(['build', '--dry-run', '--extensions', 'slack'], { env });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('@openclaw/slack@');
    expect(stdout).toContain('AS baked-slack');
  });

  it('names the setting that selects an engine which does not answer', async () => {
    const { exitCode, stderr } = await run(['build', '--engine', 'unix:///nowhere/docker.sock']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('--engine names unix:///nowhere/docker.sock');
    const bare = await run(['build', '--engine', '/nowhere/docker.sock']);
    expect(bare).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('names unix:///nowhere/docker.sock') });
    const none = await run(['build', '--engine', 'ftp://nowhere']);
    expect(none).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is not a valid engine address') });
  });

  it('names a missing Docker context', async () => {
    const { exitCode, stderr } = await run(['verify', IMAGE], { env: { DOCKER_HOST: '', DOCKER_CONTEXT: 'nowhere' } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('context: "nowhere" is the selected Docker context');
  });

  it.runIf(inject('base') === 'bootstrap')('never pushes an image with a bootstrapped base by default', async () => {
    const { exitCode, stderr } = await run(['build', '--push', '--tag', `${inject('registry')}/openclaw:never`]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/The registry is unreachable[\s\S]*--base bootstrap/);
  });
});

describe('a request that is not valid', () => {
  it('is refused with all problems, before the engine is contacted', async () => {
    const args = [
      'build',
      '--json',
      '--apt',
      'jq;reboot',
      '--extensions',
      'slak,../x;y',
      '--tag',
      'No',
      '--platform',
      'windows/amd64',
    ];
    const { exitCode, stdout, stderr } = await run(args, {
      env: { DOCKER_HOST: 'unix:///nowhere/docker.sock', CI: 'true' },
    });
    const { error } = JSON.parse(stdout);
    expect({ exitCode, stderr, kind: error.kind }).toEqual({ exitCode: 2, stderr: '', kind: 'request' });
    expect(error.problems.map(({ value }: { value: string }) => value).sort()).toEqual([
      '../x;y',
      'No',
      'jq;reboot',
      'slak',
      'windows/amd64',
    ]);
    expect(error.problems.find(({ value }: { value: string }) => value === 'slak').hint).toContain('slack');
  });

  it('is refused if the version does not exist, with versions that do', async () => {
    const { exitCode, stderr } = await run(['build', '--package', 'openclaw@2026.99.1']);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/is not a version or tag on npm[\s\S]*the newest are 2\d{3}\./);
  });

  it('is refused if the base has a Node that the gateway does not support', async () => {
    const engine = inject('engine');
    const dockerfile = 'FROM openclaw:local\nENV NODE_VERSION=20.20.2\n';
    await execa(engine.docker, ['build', '--tag', 'openclaw-image-test:old-node', '-'], {
      input: dockerfile,
      env: { DOCKER_HOST: engine.host },
    });
    const { exitCode, stderr } = await run(['build', '--base', 'openclaw-image-test:old-node']);
    await docker('image', 'rm', 'openclaw-image-test:old-node');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/has Node 20\.20\.2, but gateway \S+ requires >=24/);
  });

  it.each(['build', 'verify', 'render'])('%s --help explains its options', async (command) => {
    const { exitCode, stdout } = await run([command, '--help']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Usage: scripts/run ${command}`);
  });
});
