import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { hostAddress, makeCertificate } from '../support/certificate.ts';
import { docker, engine, run, sameBase } from '../support/command.ts';
import { buildArguments, SMALL_IMAGE } from '../support/gateway.ts';
import { publishBase } from '../support/published-base.ts';

interface Result {
  readonly name: string;
  readonly outcome: { readonly passed: boolean };
}

async function verify(reference: string, ...options: readonly string[]) {
  const { exitCode, stdout } = await run(['verify', reference, '--json', ...options]);
  const parsed = JSON.parse(stdout) as { readonly results: readonly Result[]; readonly source: string };
  const names = (passed: boolean) =>
    parsed.results.filter(({ outcome }) => outcome.passed === passed).map(({ name }) => name);
  return { exitCode, source: parsed.source, passed: names(true), failed: names(false) };
}

describe('a plain Node image', () => {
  let result: Awaited<ReturnType<typeof verify>>;

  beforeAll(async () => {
    // The contents of FROM node:24: Node and its user, no gateway, and a compiler.
    const reference = `${inject('registry')}/node:plain`;
    const also = 'RUN touch /usr/local/bin/gcc && chmod +x /usr/local/bin/gcc';
    await publishBase(engine(), reference, undefined, { also });
    result = await verify(reference);
  });

  it('fails in every part that the gateway provides', () => {
    expect(result.exitCode).toBe(1);
    expect(result.failed).toEqual(
      expect.arrayContaining([
        'entrypoint',
        'command',
        'user',
        'workdir',
        'environment',
        'healthcheck',
        'labels',
        'manifest-annotations',
        'index-annotations',
        'base',
        'node-version',
        'system-packages',
        'cli-link',
        'state-directories',
        'no-build-tools',
        'healthz',
        'readyz',
        'health-status',
        'pid-1',
        'uid',
        'version',
        'clean-stop',
      ]),
    );
  });

  it('passes in the other parts', () => {
    expect(result.passed).toEqual(
      expect.arrayContaining(['no-build-settings', 'no-caches', 'no-secrets', 'no-source-maps']),
    );
  });
});

describe('an image with a browser', () => {
  it("satisfies the contract: the browser's folder is not a cache", async () => {
    const reference = 'openclaw-image-test:with-browser';
    const { docker: command, environment } = engine();
    const input = `FROM ${SMALL_IMAGE}\nUSER root\nRUN mkdir -p /home/node/.cache/ms-playwright\nUSER 1000:1000\n`;
    await execa(command, ['build', '--provenance=false', '--tag', reference, '-'], { input, env: environment });
    const { failed } = await verify(reference);
    await docker('image', 'rm', reference);
    // Annotations belong to the build that made them.
    expect([...failed].sort()).toEqual(['index-annotations', 'manifest-annotations']);
  });
});

describe('a damaged image', () => {
  it('fails only the checks of its damage', async () => {
    const reference = 'openclaw-image-test:spoiled';
    const input = `FROM ${SMALL_IMAGE}
USER root
RUN echo token >/root/.npmrc && touch /app/dist/index.js.map && chmod 600 /app/dist/config.js && mkdir /home/node/.cache /home/node/.cache/pip && chown root /home/node/.openclaw/workspace /home/node/.config
ENV HTTPS_PROXY=http://proxy.example:3128
HEALTHCHECK NONE
`;
    const args = ['build', '--provenance=false', '--tag', reference, '-'];
    const { docker: command, environment } = engine();
    await execa(command, args, { input, env: environment });
    const { exitCode, failed } = await verify(reference);
    await docker('image', 'rm', reference);
    expect(exitCode).toBe(1);
    // A derived image keeps its parent's labels, but has a new manifest and index.
    expect([...failed].sort()).toEqual(
      [
        'health-status',
        'healthcheck',
        'index-annotations',
        'manifest-annotations',
        'no-build-settings',
        'no-caches',
        'no-secrets',
        'no-source-maps',
        'readable-files',
        'state-directories',
        'uid',
        'user',
      ].sort(),
    );
  });
});

describe('an image in a registry', () => {
  it('is pushed with annotations at every level, read from the registry, and removed from the engine', async () => {
    const reference = `${inject('registry')}/openclaw:try`;
    const push = await run([
      'build',
      '--json',
      ...buildArguments('small'),
      '--push',
      '--tag',
      reference,
      ...sameBase(),
    ]);
    expect(push.exitCode, push.stdout).toBe(0);
    const { digest, gateway } = JSON.parse(push.stdout);
    const answer = await fetch(`http://${inject('registry')}/v2/openclaw/manifests/try`, {
      headers: { accept: 'application/vnd.oci.image.index.v1+json' },
    });
    expect(answer.headers.get('docker-content-digest')).toBe(digest);
    const index = (await answer.json()) as {
      readonly annotations: Record<string, string>;
      readonly manifests: readonly { readonly digest: string }[];
    };
    expect(index.annotations['org.opencontainers.image.version']).toBe(gateway.version);
    const manifest = await fetch(`http://${inject('registry')}/v2/openclaw/manifests/${index.manifests[0]?.digest}`, {
      headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
    }).then(
      (one) =>
        one.json() as Promise<{
          readonly annotations: Record<string, string>;
          readonly layers: readonly { readonly mediaType: string }[];
        }>,
    );
    expect(manifest.annotations).toEqual(index.annotations);
    expect(new Set(manifest.layers.map(({ mediaType }) => mediaType))).toEqual(
      new Set(['application/vnd.oci.image.layer.v1.tar+gzip']),
    );

    const result = await verify(reference);
    expect(result).toMatchObject({ exitCode: 0, source: 'registry', failed: [] });
    expect((await docker('image', 'inspect', reference)).exitCode).not.toBe(0);
  });

  it('is larger than its budget: reported', async () => {
    const limits = ['--max-size', '1MB', '--max-waste', '0%'];
    const { exitCode, stdout } = await run(['verify', SMALL_IMAGE, '--json', ...limits]);
    const { results } = JSON.parse(stdout) as { readonly results: readonly (Result & { found: string })[] };
    const [size, waste] = results.slice(-2);
    expect({ exitCode, size, waste }).toMatchObject({
      exitCode: 1,
      size: { name: 'size', found: expect.stringMatching(/^\d+ MB of 1.0 MB$/), outcome: { passed: false } },
      // Debian's packages replace files of the base: dpkg's list of packages is one.
      waste: { name: 'waste', found: expect.stringMatching(/ of 0\.00%$/), outcome: { passed: false } },
    });
  });

  it('does not exist: reported', async () => {
    const { exitCode, stderr } = await run(['verify', `${inject('registry')}/openclaw:missing`]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('The image does not exist');
  });

  it('has a name that is not valid: refused', async () => {
    const { exitCode, stderr } = await run(['verify', 'Not A Reference', '--platform', 'windows/amd64']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('the request has 2 problems');
  });
});

describe('a gateway that fetches when it starts, from a server whose certificate only a company trusts', () => {
  const image = 'openclaw-image-test:fetches';
  let folder = '';
  let authority = '';
  const server = createServer();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openclaw-image-fetches-'));
    const address = await hostAddress();
    const { ca, cert, key } = await makeCertificate(address, folder);
    authority = ca;
    server.setSecureContext({ cert, key });
    server.on('request', (_, response: ServerResponse) => response.end('a package'));
    await new Promise<void>((resolve) => void server.listen(0, '0.0.0.0', resolve));
    const url = `https://${address}:${(server.address() as AddressInfo).port}/`;
    const preload = `if (process.argv[2] === 'gateway') await fetch('${url}').catch(() => process.exit(1));\n`;
    await writeFile(join(folder, 'fetch.mjs'), preload);
    const lines = [`FROM ${SMALL_IMAGE}`, 'COPY --chmod=644 fetch.mjs /', 'ENV NODE_OPTIONS="--import /fetch.mjs"', ''];
    await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
    await docker('build', '--quiet', '--provenance=false', '--tag', image, folder);
  });
  afterAll(async () => {
    server.close();
    await docker('image', 'rm', '--force', image);
    await rm(folder, { recursive: true, force: true });
  });

  it('becomes healthy with the authority of --ca, and not with another', async () => {
    expect((await verify(image, '--ca', authority)).passed).toContain('healthz');
    const other = (await makeCertificate('127.0.0.1', folder)).ca;
    expect((await verify(image, '--ca', other)).failed).toContain('healthz');
  });
});
