import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { $ } from 'zx';
import { cacheFolder } from '../../build/cache-folder.ts';
import { docker, ROOT } from '../support/command.ts';
import { type PodmanHost, startPodmanHost } from '../support/podman-host.ts';

const TOOLS = cacheFolder('test-tools');
const BASE = join(ROOT, 'deploy/kubernetes');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-kubernetes-'));
  await cp(BASE, join(folder, 'kubernetes'), { recursive: true });
  await $`${join(ROOT, 'scripts/debian-unpack')} trixie ${TOOLS} kubectl`;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The output of `kubectl kustomize` for an overlay over the base, as people write one. */
async function kustomize(name: string, kustomization: string): Promise<string> {
  const overlay = join(folder, name);
  await mkdir(overlay);
  await writeFile(join(overlay, 'kustomization.yaml'), `resources:\n  - ../kubernetes\n${kustomization}`);
  return (await $`${join(TOOLS, 'usr/bin/kubectl')} kustomize ${overlay}`).stdout;
}

const IMAGE = `images:
  - name: ghcr.io/openclaw/openclaw
    newName: localhost/openclaw
    newTag: try
`;
/** As OpenShift runs containers: a user without a name, in the group of root. */
const OPENSHIFT = `patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: openclaw
      spec:
        template:
          spec:
            securityContext:
              runAsUser: 1000950000
              runAsGroup: 0
              fsGroup: 0
`;

it('is a base that kubectl renders, with the image of an overlay', async () => {
  const rendered = await kustomize('image', IMAGE);
  const documents = parseAllDocuments(rendered).map((document) => document.toJS());
  expect(documents.map(({ kind }) => kind).sort()).toEqual(['Deployment', 'PersistentVolumeClaim', 'Service']);
  const deployment = documents.find(({ kind }) => kind === 'Deployment');
  expect(deployment.spec.template.spec.containers[0].image).toBe('localhost/openclaw:try');
});

// Podman runs the same manifests.
describe('podman kube play', { tags: ['nightly'] }, () => {
  let host: PodmanHost;
  const podman = (line: string) => host.run('root', line);

  beforeAll(async () => {
    host = await startPodmanHost();
    await docker('tag', 'openclaw:local', 'localhost/openclaw:try');
    await host.load('root', 'localhost/openclaw:try');
    const secret = Buffer.from('a-token-of-a-test').toString('base64');
    await writeFile(
      join(folder, 'secret.yaml'),
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: openclaw\ndata:\n  OPENCLAW_GATEWAY_TOKEN: ${secret}\n---\n`,
    );
  });
  afterAll(async () => {
    await host.remove();
    await docker('image', 'rm', '--force', 'localhost/openclaw:try');
  });

  it.each([
    ['the default user', 'default', '', '1000:1000'],
    ['a user without a name, as on OpenShift', 'openshift', OPENSHIFT, '1000950000:0'],
  ])('ends with a healthy gateway as %s', async (_, overlay, patch, user) => {
    const manifests = await kustomize(overlay, IMAGE + patch);
    await writeFile(join(folder, 'all.yaml'), (await readFile(join(folder, 'secret.yaml'), 'utf8')) + manifests);
    await host.copy(join(folder, 'all.yaml'), '/all.yaml');
    await podman('podman kube play --publish 18789:18789 /all.yaml');
    const ready = async () => (await host.attempt('root', 'curl --silent http://127.0.0.1:18789/readyz')).stdout;
    await expect.poll(ready, { timeout: 240_000, interval: 1000 }).toContain('"ready":true');
    await podman('podman healthcheck run openclaw-pod-gateway');
    expect((await podman('podman exec openclaw-pod-gateway sh -c "id -u; id -g"')).split('\n').join(':')).toBe(user);
    expect(await podman('podman inspect openclaw-pod-gateway --format "{{.HostConfig.ReadonlyRootfs}}"')).toBe('true');
    // Its home outlives the pod, and takes a plugin's files.
    await podman('podman exec openclaw-pod-gateway sh -c "echo kept >/home/node/.local/kept"');
    await podman('podman kube down /all.yaml');
    expect(await podman('podman volume inspect openclaw-home --format "{{.Name}}"')).toBe('openclaw-home');
    await podman('podman volume rm --force openclaw-home && podman secret rm --ignore openclaw');
  });
});
