import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Service } from 'kubernetes-models/v1/Service';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { kubernetesManifests } from '../../../build/stack/kubernetes-manifests.ts';

const COMPOSE = `
x-environment: &environment
  HOME: /home/node
  OPENCLAW_PROFILE: ""
  TZ: \${OPENCLAW_TZ:-UTC}
  OPENCLAW_GATEWAY_TOKEN:
services:
  openclaw-gateway:
    environment:
      <<: *environment
      OPENCLAW_GATEWAY_BIND: \${OPENCLAW_GATEWAY_BIND:-lan}
    command: [node, dist/index.js, gateway, --bind, "\${OPENCLAW_GATEWAY_BIND:-lan}", --port, "18789"]
    stop_grace_period: 1m
`;
const manifests = kubernetesManifests(COMPOSE);
const read = (name: string) => parse(manifests[name] ?? '');
const deployment = read('deployment.yaml');
const pod = deployment.spec.template.spec;
const [gateway] = pod.containers;

it('are valid by the schemas of Kubernetes', () => {
  for (const resource of [
    new Deployment(deployment),
    new Service(read('service.yaml')),
    new PersistentVolumeClaim(read('persistent-volume-claim.yaml')),
  ])
    expect(() => resource.validate()).not.toThrow();
  expect(() => new Deployment({ ...deployment, spec: { ...deployment.spec, replicas: 'one' } }).validate()).toThrow();
  const listed = Object.keys(manifests).filter((name) => name !== 'kustomization.yaml');
  expect(read('kustomization.yaml').resources).toEqual(listed);
});

it('have the environment and the command of Compose, and take everything else from the secret', () => {
  expect(gateway.env).toEqual([
    { name: 'HOME', value: '/home/node' },
    { name: 'TZ', value: 'UTC' },
    { name: 'OPENCLAW_GATEWAY_BIND', value: 'lan' },
  ]);
  expect(gateway.args).toEqual(['node', 'dist/index.js', 'gateway', '--bind', 'lan', '--port', '18789']);
  expect(gateway.envFrom).toEqual([{ secretRef: { name: 'openclaw' } }]);
  expect(pod.terminationGracePeriodSeconds).toBe(60);
});

it('run without rights, on a read-only root', () => {
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(gateway.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(pod.automountServiceAccountToken).toBe(false);
});

it('ask the gateway whether it has started, is live and is ready', () => {
  const probes = [gateway.startupProbe, gateway.livenessProbe, gateway.readinessProbe];
  expect(probes.map(({ httpGet }) => `${httpGet.port}${httpGet.path}`)).toEqual([
    '18789/startupz',
    '18789/healthz',
    '18789/readyz',
  ]);
});
