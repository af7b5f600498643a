import { ANNOTATION_KEYS, type Annotations, checkAnnotations } from '../oci/annotations.ts';
import { type Check, expect, fail, type Outcome } from './check.ts';

function valid(annotations: Annotations): Outcome {
  const problems = checkAnnotations(annotations);
  const found = problems.map(
    ({ key, value, reason }) =>
      `${key.replace('org.opencontainers.image.', '')}${value === undefined ? '' : ` '${value}'`} ${reason}`,
  );
  return expect(
    problems.length === 0,
    problems.length === 0 ? `${ANNOTATION_KEYS.length} keys` : found.join('; '),
    'valid annotations',
  );
}

const differing = (annotations: Annotations, labels: Annotations): readonly string[] =>
  ANNOTATION_KEYS.filter((key) => annotations[key] !== labels[key]);

/** The annotations must be equal at every level: a registry's page reads the index, `docker inspect` the config. */
export const ANNOTATION_CHECKS: readonly Check[] = [
  { name: 'labels', row: 'annotations', run: ({ config }) => valid(config.config?.Labels ?? {}) },
  {
    name: 'manifest-annotations',
    row: 'annotations',
    run: ({ config, document }) => {
      const labels = config.config?.Labels ?? {};
      for (const { annotations, platform } of document.manifests) {
        const outcome = valid(annotations);
        if (!outcome.passed) return fail(`${platform}: ${outcome.found}`, outcome.wanted);
        const other = differing(annotations, labels);
        if (other.length > 0)
          return fail(`${platform}: ${other.join(', ')} differ from the labels`, 'the same as the labels');
      }
      return expect(
        document.manifests.length > 0,
        `on ${document.manifests.length} of ${document.manifests.length} manifests`,
        'on every manifest',
      );
    },
  },
  {
    name: 'index-annotations',
    row: 'annotations',
    run: ({ config, document }) => {
      if (document.index === undefined) return fail('the image has no index', 'an index with annotations');
      const outcome = valid(document.index);
      if (!outcome.passed) return outcome;
      const other = differing(document.index, config.config?.Labels ?? {});
      return expect(
        other.length === 0,
        other.length === 0 ? outcome.found : `${other.join(', ')} differ from the labels`,
        'the same as the labels',
      );
    },
  },
  {
    name: 'base',
    row: 'base',
    run: ({ config }) => {
      const labels = config.config?.Labels ?? {};
      const name = labels['org.opencontainers.image.base.name'];
      const digest = labels['org.opencontainers.image.base.digest'];
      return expect(
        name !== undefined && digest !== undefined,
        name === undefined ? 'no base annotations' : `${name}@${digest?.slice(0, 19) ?? '?'}…`,
        'a base pinned by digest',
      );
    },
  },
];
