import { afterEach, expect, it, vi } from 'vitest';
import { statementAbout } from '../../../build/attest/attestation.ts';
import { withoutProxies } from '../../../build/attest/provenance.ts';
import type { Descriptor } from '../../../build/oci/descriptor.ts';
import { joinIndex } from '../../../build/release/join-index.ts';

const manifest = (name: string): Descriptor => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${name.repeat(64)}`,
  size: 1,
  platform: { os: 'linux', architecture: 'amd64' },
});

afterEach(() => vi.unstubAllEnvs());

it('removes proxies from a provenance, wherever BuildKit wrote them', () => {
  const proxy = 'http://user:secret@proxy.example:3128';
  vi.stubEnv('HTTPS_PROXY', proxy);
  const statement = statementAbout(manifest('a'), 'https://slsa.dev/provenance/v1', {
    buildDefinition: {
      externalParameters: { request: { args: { 'build-arg:HTTPS_PROXY': proxy, 'build-arg:OPENCLAW_VERSION': '1' } } },
      internalParameters: {
        buildConfig: { llbDefinition: [{ op: { exec: { meta: { proxy_env: { https_proxy: proxy } } } } }] },
      },
    },
  });
  const text = JSON.stringify(withoutProxies(statement));
  expect(text).not.toContain('secret');
  expect(text).toContain('"build-arg:OPENCLAW_VERSION":"1"');
});

it('refuses a provenance that contains a proxy in an unknown place', () => {
  const proxy = 'http://user:secret@proxy.example:3128';
  vi.stubEnv('HTTPS_PROXY', proxy);
  const statement = statementAbout(manifest('a'), 'https://slsa.dev/provenance/v1', { somewhere: [`x ${proxy}`] });
  expect(() => withoutProxies(statement)).toThrow('HTTPS_PROXY');
});

it('joins platforms with equal annotations only', () => {
  const piece = (platform: 'linux/amd64' | 'linux/arm64', name: string, revision: string) => ({
    platform,
    manifest: manifest(name),
    attestation: manifest(name),
    annotations: { 'org.opencontainers.image.revision': revision },
  });
  const amd64 = piece('linux/amd64', 'a', '1');
  const { bytes } = joinIndex([amd64, piece('linux/arm64', 'b', '1')]);
  expect(JSON.parse(bytes.toString())).toMatchObject({
    manifests: [{}, {}, {}, {}],
    annotations: { 'org.opencontainers.image.revision': '1' },
  });
  expect(() => joinIndex([amd64, piece('linux/arm64', 'b', '2')])).toThrow(/linux\/amd64 and linux\/arm64 differ in/);
});
