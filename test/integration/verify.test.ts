import { execa } from 'execa';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { docker, engine, run, sameBase } from '../support/command.ts';
import { buildArguments, SMALL_IMAGE } from '../support/gateway.ts';
import { publishBase } from '../support/published-base.ts';

interface Result {
  readonly name: string;
  readonly outcome: { readonly passed: boolean };
}

async function verify(reference: string) {
  const { exitCode, stdout } = await run(['verify', reference, '--json']);
  const parsed = JSON.parse(stdout) as { readonly results: readonly Result[]; readonly source: string };
  const names = (passed: boolean) =>
    parsed.results.filter(({ outcome }) => outcome.passed === passed).map(({ name }) => name);
  return { exitCode, source: parsed.source, passed: names(true), failed: names(false) };
}

describe('a plain Node image', () => {
  let result: Awaited<ReturnType<typeof verify>>;

  beforeAll(async () => {
    // What FROM node:24 gives: Node and its user, and nothing of the gateway; and somebody's compiler.
    const reference = `${inject('registry')}/node:plain`;
    const also = 'RUN touch /usr/local/bin/gcc && chmod +x /usr/local/bin/gcc';
    await publishBase(engine(), reference, undefined, { also });
    result = await verify(reference);
  });

  it('fails in every row that the gateway brings', () => {
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

  it('passes in the rows that hold for it', () => {
    expect(result.passed).toEqual(
      expect.arrayContaining(['no-build-settings', 'no-caches', 'no-secrets', 'no-source-maps']),
    );
  });
});

describe('an image with a browser', () => {
  it('keeps the contract: where Playwright looks for one is no cache', async () => {
    const reference = 'openclaw-image-test:with-browser';
    const { docker: command, environment } = engine();
    const input = `FROM ${SMALL_IMAGE}\nUSER root\nRUN mkdir -p /home/node/.cache/ms-playwright\nUSER node\n`;
    await execa(command, ['build', '--provenance=false', '--tag', reference, '-'], { input, env: environment });
    const { failed } = await verify(reference);
    await docker('image', 'rm', reference);
    // Annotations are of the build that made it.
    expect([...failed].sort()).toEqual(['index-annotations', 'manifest-annotations']);
  });
});

describe('an image that somebody spoiled', () => {
  it('fails just where it was spoiled', async () => {
    const reference = 'openclaw-image-test:spoiled';
    const input = `FROM ${SMALL_IMAGE}
USER root
RUN echo token >/root/.npmrc && touch /app/dist/index.js.map && mkdir /home/node/.cache /home/node/.cache/pip && chown root /home/node/.openclaw/workspace /home/node/.config
ENV HTTPS_PROXY=http://proxy.example:3128
HEALTHCHECK NONE
`;
    const args = ['build', '--provenance=false', '--tag', reference, '-'];
    const { docker: command, environment } = engine();
    await execa(command, args, { input, env: environment });
    const { exitCode, failed } = await verify(reference);
    await docker('image', 'rm', reference);
    expect(exitCode).toBe(1);
    // A derived image keeps its parent's labels; manifest and index are new ones.
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
        'state-directories',
        'uid',
        'user',
      ].sort(),
    );
  });
});

describe('an image in a registry', () => {
  it('is pushed with annotations at every level, read from there, and not kept', async () => {
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

  it('is not there: said so', async () => {
    const { exitCode, stderr } = await run(['verify', `${inject('registry')}/openclaw:missing`]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('The image does not exist');
  });

  it('is no reference: refused', async () => {
    const { exitCode, stderr } = await run(['verify', 'Not A Reference', '--platform', 'windows/amd64']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('the request has 2 problems');
  });
});
