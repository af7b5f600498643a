import { type CheckOutcome, failed, isFailed, passIf, passIfNone } from '../check-result.ts';
import { ANNOTATION, type Annotations } from '../oci/annotations.ts';
import { checkAnnotations, REQUIRED_ANNOTATIONS } from '../oci/check-annotations.ts';
import type { Check } from './check.ts';

function checkSchema(annotations: Annotations): CheckOutcome {
  const problems = checkAnnotations(annotations).map(
    ({ key, value, reason }) =>
      `${key.replace('org.opencontainers.image.', '')}${value === undefined ? '' : ` '${value}'`} ${reason}`,
  );
  return passIfNone(problems, `${REQUIRED_ANNOTATIONS.length} keys`, 'valid annotations', '; ');
}

const differingKeys = (annotations: Annotations, labels: Annotations): readonly string[] =>
  REQUIRED_ANNOTATIONS.filter((key) => annotations[key] !== labels[key]);

const FIX =
  'Build the image with `image:build`. With plain `docker buildx build`, pass every `--annotation` that `scripts/run render --source DIR` prints.';

/** The annotations must be equal at every level: a registry's page reads the index, `docker inspect` the config. */
export const ANNOTATION_CHECKS: readonly Check[] = [
  {
    name: 'labels',
    row: 'annotations',
    requires: 'all required OCI annotations as labels of the config',
    why: '`docker inspect` shows labels.',
    fix: FIX,
    run: ({ config }) => checkSchema(config.config?.Labels ?? {}),
  },
  {
    name: 'manifest-annotations',
    hiddenByPodman: 'manifest',
    row: 'annotations',
    requires: 'the same annotations on the manifest of each platform',
    why: 'Tools that read one platform see its manifest only.',
    fix: FIX,
    run: ({ config, document }) => {
      const labels = config.config?.Labels ?? {};
      for (const { annotations, platform } of document.manifests) {
        const outcome = checkSchema(annotations);
        if (isFailed(outcome)) return failed(`${platform}: ${outcome.found}`, outcome.expected ?? '');
        const differing = differingKeys(annotations, labels);
        if (differing.length > 0)
          return failed(`${platform}: ${differing.join(', ')} differ from the labels`, 'the same as the labels');
      }
      return passIf(
        document.manifests.length > 0,
        `on ${document.manifests.length} of ${document.manifests.length} manifests`,
        'on every manifest',
      );
    },
  },
  {
    name: 'index-annotations',
    hiddenByPodman: 'manifest',
    row: 'annotations',
    requires: 'the same annotations on the index',
    why: "A registry's page reads the index; without annotations the page is blank.",
    fix: FIX,
    run: ({ config, document }) => {
      if (document.index === undefined) return failed('the image has no index', 'an index with annotations');
      const outcome = checkSchema(document.index);
      if (isFailed(outcome)) return outcome;
      const differing = differingKeys(document.index, config.config?.Labels ?? {});
      return passIf(
        differing.length === 0,
        differing.length === 0 ? outcome.found : `${differing.join(', ')} differ from the labels`,
        'the same as the labels',
      );
    },
  },
  {
    name: 'base',
    row: 'base',
    requires: 'annotations with the name and digest of the base',
    why: 'Scanners and rebases need to know the base.',
    fix: FIX,
    run: ({ config }) => {
      const labels = config.config?.Labels ?? {};
      const name = labels[ANNOTATION.baseName];
      const digest = labels[ANNOTATION.baseDigest];
      return passIf(
        name !== undefined && digest !== undefined,
        name === undefined ? 'no base annotations' : `${name}@${digest?.slice(0, 19) ?? '?'}…`,
        'a base pinned by digest',
      );
    },
  },
];
