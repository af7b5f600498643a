import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuildRequest, build } from '../../build/engine/buildx.ts';
import { type Failure, WorkError } from '../../build/problem.ts';
import { hostAddress, makeCertificate } from '../support/certificate.ts';
import { engine } from '../support/command.ts';
import { SMALL_IMAGE } from '../support/gateway.ts';
import { startRegistry } from '../support/registry.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-failure-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Builds a Dockerfile that fails, and returns its explanation. The step ends some seconds after its last output. */
async function explain(instructions: string, request: Partial<BuildRequest> = {}): Promise<Failure> {
  await writeFile(
    join(folder, 'Dockerfile'),
    `FROM ${SMALL_IMAGE} AS failing\nUSER root\n${instructions}\nFROM failing\n`,
  );
  const whole: BuildRequest = {
    dockerfile: join(folder, 'Dockerfile'),
    context: folder,
    contexts: {},
    arguments: { UNIQUE: String(Date.now()) },
    passedArguments: [],
    secrets: [],
    tags: [],
    platforms: [],
    outputs: ['type=cacheonly'],
    attestations: [],
    annotations: [],
    cacheFrom: [],
    cacheTo: [],
    builder: 'default',
    sourceDateEpoch: undefined,
    metadataFile: join(folder, 'metadata.json'),
    ...request,
  };
  try {
    await build(engine(), whole, () => {});
  } catch (error) {
    if (error instanceof WorkError) return error.failure;
    throw error;
  }
  throw new Error('it succeeded');
}

describe('a step that fails', () => {
  it('is named, with its last lines', async () => {
    const failure = await explain('RUN echo the last words && sleep 3 && exit 3');
    expect(failure).toMatchObject({ kind: 'failing-step', lines: ['the last words'] });
    expect(failure.reason).toContain('stage failing');
  });

  it('is explained if it was killed: out of memory', async () => {
    expect(await explain("RUN sh -c 'kill -9 $$'")).toMatchObject({
      kind: 'out-of-memory',
      hint: expect.stringContaining('2 GB'),
    });
  });

  it('is explained if the disk is full', async () => {
    const line =
      'RUN --mount=type=tmpfs,target=/small,size=1048576 dd if=/dev/zero of=/small/file bs=1M count=4 || { sleep 3; exit 1; }';
    expect(await explain(line)).toMatchObject({ kind: 'disk-full' });
  });

  it('is explained without network', async () => {
    expect(
      await explain('RUN --network=none npm view openclaw version --fetch-retries=0 || { sleep 3; exit 1; }'),
    ).toMatchObject({
      kind: 'no-network',
    });
    expect(await explain('RUN --network=none curl -sS http://deb.example.org')).toMatchObject({ kind: 'no-network' });
  });

  it('is explained if a certificate is not trusted', async () => {
    const address = await hostAddress();
    const { key, cert } = await makeCertificate(address, folder);
    const server = createTlsServer({ key, cert }, (_, response) => response.end('{}'));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const bound = server.address();
    const url = `https://${address}:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
    try {
      expect(await explain(`RUN npm ping --registry ${url} --fetch-retries=0 || { sleep 3; exit 1; }`)).toMatchObject({
        kind: 'tls-inspection',
        hint: expect.stringContaining('--ca'),
      });
      expect(await explain(`RUN curl -sS ${url}`)).toMatchObject({ kind: 'tls-inspection' });
    } finally {
      server.close();
    }
  });

  it('is explained if this kernel cannot run its processor', async () => {
    // The head of a program for IBM Z: the kernel reads only this part before it refuses.
    const header = '\\177ELF\\2\\2\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\2\\0\\26\\0\\0\\0\\1';
    const lines = `RUN printf '${header}' >/program && head -c 64 /dev/zero >>/program && chmod +x /program\nRUN ["/program"]`;
    expect(await explain(lines)).toMatchObject({ kind: 'no-emulation', hint: expect.stringContaining('emulate') });
  });
});

describe('a registry that refuses the image', () => {
  const push = (address: string) =>
    explain('RUN true', { outputs: ['type=registry'], tags: [`${address}/openclaw:try`] });

  it('requires credentials', async () => {
    // The password of this user is unknown.
    const registry = await startRegistry({
      htpasswd: 'someone:$2y$05$Zc8gyT2oZ1Bv0R9sFzq0Eu0b7yO0m0X0mN8wQm3k9q0o6w1xq7C2e\n',
    });
    try {
      expect(await push(registry.address)).toMatchObject({
        kind: 'registry-denied',
        hint: expect.stringContaining('docker login'),
      });
    } finally {
      await registry.stop();
    }
  });

  it.each([
    [403, 'registry-denied'],
    [429, 'rate-limited'],
    [503, 'registry-error'],
  ])('answers %i', async (status, kind) => {
    const server: Server = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    try {
      expect(await push(`localhost:${typeof bound === 'object' && bound !== null ? bound.port : 0}`)).toMatchObject({
        kind,
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('does not exist', async () => {
    expect(await push('localhost:9')).toMatchObject({ kind: 'no-network' });
  });
});
