import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseDocument } from 'yaml';
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

const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../deploy/kubernetes', name), 'utf8');

/**
 * The files of the kustomize base, with the environment, command and time limit of the gateway in docker-compose.yml.
 *
 * @param compose text of docker-compose.yml
 * @returns names of files and their contents
 */
export function kubernetesManifests(compose: string): Readonly<Record<string, string>> {
  const gateway = (parse(compose, { merge: true }) as ComposeFile).services['openclaw-gateway'];
  const { resources } = parse(read('kustomization.yaml')) as { readonly resources: readonly string[] };
  const deployment = parseDocument(read('deployment.yaml'));
  const set = (path: readonly (string | number)[], value: unknown): void =>
    deployment.setIn(['spec', 'template', 'spec', ...path], deployment.createNode(value));
  set(['terminationGracePeriodSeconds'], secondsOf(gateway.stop_grace_period));
  set(['containers', 0, 'args'], gateway.command.map(withDefaults));
  set(['containers', 0, 'env'], environmentOf(gateway.environment));
  return {
    ...Object.fromEntries([...resources, 'kustomization.yaml'].map((name) => [name, read(name)])),
    'deployment.yaml': deployment.toString({ lineWidth: 0 }),
  };
}

/** Variables with a value that does not depend on the host. Those without a value come from the secret. */
const environmentOf = (
  environment: Readonly<Record<string, string | null>>,
): readonly { name: string; value: string }[] =>
  Object.entries(environment)
    .map(([name, value]) => ({ name, value: withDefaults(value ?? '') }))
    .filter(({ value }) => value !== '');

/** `${NAME:-default}` → `default` */
const withDefaults = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
