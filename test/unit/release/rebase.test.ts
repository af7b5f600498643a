import { describe, expect, it } from 'vitest';
import type { Descriptor, ImageManifest } from '../../../build/oci/descriptor.ts';
import {
  type ImageParts,
  isOfGateway,
  layersAbove,
  lowestLayers,
  nodeProblem,
  rebased,
  rebaseProblems,
} from '../../../build/release/rebase.ts';

const layer = (name: string): Descriptor => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: `sha256:${name}`,
  size: 1,
});

/** An image with named layers, whose contents have the same names. */
function image(
  names: readonly string[],
  node: string,
  more: readonly string[] = [],
): ImageParts & { readonly manifest: ImageManifest } {
  return {
    manifest: {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: layer('config'),
      layers: names.map(layer),
      annotations: { 'org.opencontainers.image.version': '2026.3.13' },
    },
    config: {
      architecture: 'amd64',
      os: 'linux',
      config: { Env: [`NODE_VERSION=${node}`, 'PATH=/bin', ...more], Labels: { title: 'x' } },
      rootfs: { type: 'layers', diff_ids: names },
      history: names.map((name) => ({ created_by: name })),
    },
  };
}

const old = image(['debian', 'node-1'], '24.1.0');
const next = image(['debian-2', 'node-2', 'yarn'], '24.2.0');
const gateway = image(['debian', 'node-1', 'system', 'gateway'], '24.1.0', ['NODE_ENV=production']);

describe('an image on another base', () => {
  it("has the new base's layers below its own", () => {
    expect(layersAbove(gateway, old).map(({ digest }) => digest)).toEqual(['sha256:system', 'sha256:gateway']);
    const { layers, config, annotations } = rebased(
      gateway,
      old,
      next,
      { name: 'node:24', digest: 'sha256:n' },
      '2026-04-01T00:00:00Z',
    );
    expect(layers.map(({ digest }) => digest)).toEqual(
      ['debian-2', 'node-2', 'yarn', 'system', 'gateway'].map((name) => `sha256:${name}`),
    );
    expect(config.rootfs.diff_ids).toEqual(['debian-2', 'node-2', 'yarn', 'system', 'gateway']);
    expect(config.history?.length).toBe(5);
    expect(config.config?.Env).toEqual(['NODE_VERSION=24.2.0', 'PATH=/bin', 'NODE_ENV=production']);
    expect(annotations).toMatchObject({
      'org.opencontainers.image.version': '2026.3.13',
      'org.opencontainers.image.base.digest': 'sha256:n',
    });
    expect(config.config?.Labels).toMatchObject({ title: 'x', 'org.opencontainers.image.base.name': 'node:24' });
  });

  it('is refused if it is not based on the base that it names', () => {
    expect(() => layersAbove(gateway, next)).toThrow('lowest layers');
  });
});

describe('reasons against another base', () => {
  const file = (fingerprint: string) => ({ size: 1, fingerprint });
  const before = new Map([
    ['usr/local/bin/node', file('24.1')],
    ['etc/passwd', file('root')],
    ['var/lib/dpkg/status', file('old')],
  ]);
  const problems = (change: Readonly<Record<string, string>>, written: readonly string[]) =>
    rebaseProblems(
      before,
      new Map([...before, ...Object.entries(change).map(([path, is]) => [path, file(is)] as const)]),
      { written: new Set(written) },
    );

  it.each<[string, Readonly<Record<string, string>>, readonly string[], string]>([
    ['nothing, where the image writes elsewhere', { 'usr/local/bin/node': '24.2' }, ['app', 'etc/passwd'], ''],
    ['packages', { 'var/lib/dpkg/status': 'new' }, ['var/lib/dpkg/status'], 'different Debian packages'],
    ['a file', { 'etc/passwd': 'other' }, ['etc/passwd'], 'etc/passwd'],
    ['a file that the new base alone has', { 'opt/new': 'x' }, ['opt/new'], 'opt/new'],
  ])('%s', (_, change, written, message) => {
    const found = problems(change, written);
    if (message === '') expect(found).toEqual([]);
    else expect(found.join()).toContain(message);
  });

  it('another major version of Node', () => {
    expect(nodeProblem(old, image([], '25.0.0'))).toContain('Node 24.1.0 would become 25.0.0');
    expect(nodeProblem(old, image([], '24.9.0'))).toBeUndefined();
  });
});

describe('the system layers of an image', () => {
  it.each([
    [['app'], true],
    [['app/dist/index.js'], true],
    [['usr/bin/curl', 'apps/x'], false],
    [[], false],
  ])('a layer with %j is of the gateway: %s', (written, expected) =>
    expect(isOfGateway({ written: new Set(written) })).toBe(expected),
  );

  it('have the variables of the base, and the history without that of the layers above', () => {
    const whole = image(['debian', 'node-1', 'system', 'gateway', 'workdir'], '24.1.0');
    const history = [
      ...[{ created_by: 'ADD rootfs.tar / # buildkit' }, { created_by: 'ENV A=1', empty_layer: true }],
      ...[{ created_by: 'COPY node' }, { created_by: 'ARG X', empty_layer: true }, { created_by: 'of another stage' }],
    ];
    const above = [
      { created_by: 'COPY gateway' },
      { created_by: 'USER 1', empty_layer: true },
      { created_by: 'WORKDIR' },
    ];
    const parts = { ...whole, config: { ...whole.config, history: [...history, ...above] } };
    const system = lowestLayers(parts, old, 3);
    expect(system.manifest.layers.map(({ digest }) => digest)).toEqual(
      ['debian', 'node-1', 'system'].map((name) => `sha256:${name}`),
    );
    expect(system.config.rootfs.diff_ids).toEqual(['debian', 'node-1', 'system']);
    expect(system.config.history).toEqual(history);
    expect(system.config.config?.Env).toEqual(old.config.config?.Env);
  });
});
