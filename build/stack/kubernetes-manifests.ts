import { parse, stringify } from 'yaml';
import { secondsOf } from '../units.ts';

/** The parts of docker-compose.yml that a cluster needs too. */
interface ComposeFile {
  readonly services: {
    readonly 'openclaw-gateway': {
      readonly environment: Readonly<Record<string, string | null>>;
      readonly command: readonly string[];
      readonly stop_grace_period: string;
    };
  };
}

const NAME = 'openclaw';
const LABELS = { 'app.kubernetes.io/name': NAME };
const PORTS = [
  { name: 'gateway', number: 18789 },
  { name: 'bridge', number: 18790 },
] as const;
/** The user of the image, and the default of docker-compose.yml. */
const USER = 1000;

const WRITTEN =
  '# Rendered from docker-compose.yml (npm run image:render). Change build/stack/kubernetes-manifests.ts, not this file.\n';

/**
 * The manifests of a kustomize base: the gateway with the environment, command and time limits of docker-compose.yml.
 *
 * @param compose text of docker-compose.yml
 * @returns names of files and their contents
 */
export function kubernetesManifests(compose: string): Readonly<Record<string, string>> {
  const gateway = (parse(compose, { merge: true }) as ComposeFile).services['openclaw-gateway'];
  const files = {
    'persistent-volume-claim.yaml': {
      comment: 'The home of the gateway: configuration, state, workspace, and tools that skills install.',
      content: volumeClaim(),
    },
    'deployment.yaml': { comment: DEPLOYMENT_COMMENT, content: deployment(gateway) },
    'service.yaml': {
      comment: 'Reachable in the cluster only. For your browser: kubectl port-forward service/openclaw 18789',
      content: service(),
    },
  };
  const written = Object.entries(files).map(([name, { comment, content }]): [string, string] => [
    name,
    `${WRITTEN}# ${comment.replaceAll('\n', '\n# ')}\n${stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })}`,
  ]);
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: Object.keys(files),
  };
  return {
    ...Object.fromEntries(written),
    'kustomization.yaml': `${WRITTEN}# The secret ${NAME} is not part of it: docs/kubernetes.md has the command that creates it.\n${stringify(kustomization)}`,
  };
}

const DEPLOYMENT_COMMENT = `One gateway: its state has one writer, so a new pod starts only after the former one has stopped.
Probes: the gateway has started, is live, and is ready. It is not ready while a channel is broken: the service then sends it no request.`;

/** Variables with a value that does not depend on the host. Those without a value come from the secret. */
function environmentOf(
  environment: Readonly<Record<string, string | null>>,
): readonly { name: string; value: string }[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    if (value === null) return [];
    const literal = withDefaults(value);
    return literal === '' ? [] : [{ name, value: literal }];
  });
}

/** `${NAME:-default}` → `default` */
const withDefaults = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

const probe = (path: string, limits: Readonly<Record<string, number>>): object => ({
  httpGet: { path, port: PORTS[0].number },
  ...limits,
});

const deployment = (gateway: ComposeFile['services']['openclaw-gateway']): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: NAME, labels: LABELS },
  spec: {
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: LABELS },
    template: {
      metadata: { labels: LABELS },
      spec: {
        // The gateway locks its state by host name: with another one, a new pod waits five minutes for the lock of a killed one.
        hostname: NAME,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: secondsOf(gateway.stop_grace_period),
        securityContext: {
          runAsNonRoot: true,
          runAsUser: USER,
          runAsGroup: USER,
          fsGroup: USER,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: 'gateway',
            image: 'ghcr.io/openclaw/openclaw:latest',
            // With Always, the default for `latest`, each restart of the pod could be an update.
            imagePullPolicy: 'IfNotPresent',
            args: gateway.command.map(withDefaults),
            envFrom: [{ secretRef: { name: NAME } }],
            env: environmentOf(gateway.environment),
            ports: PORTS.map(({ name, number }) => ({ name, containerPort: number })),
            // A first start on a slow disk takes minutes, as in docker-compose.yml.
            startupProbe: probe('/startupz', { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 150 }),
            livenessProbe: probe('/healthz', { periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 3 }),
            readinessProbe: probe('/readyz', { periodSeconds: 10, timeoutSeconds: 5 }),
            resources: { requests: { cpu: '100m', memory: '512Mi' } },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            volumeMounts: [
              { name: 'home', mountPath: '/home/node' },
              { name: 'tmp', mountPath: '/tmp' },
            ],
          },
        ],
        volumes: [
          { name: 'home', persistentVolumeClaim: { claimName: `${NAME}-home` } },
          { name: 'tmp', emptyDir: {} },
        ],
      },
    },
  },
});

const volumeClaim = (): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: `${NAME}-home`, labels: LABELS },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
});

const service = (): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME, labels: LABELS },
  spec: { selector: LABELS, ports: PORTS.map(({ name, number }) => ({ name, port: number, targetPort: name })) },
});
