import { VARIANT_IMAGES } from '../spec/variant.ts';
import type { PlanState } from './plan-release.ts';
import type { ReleaseRecord } from './release-record.ts';

/** The digests of a release's images, by variant, as a plan compares them with tags. */
export const builtDigests = (images: ReleaseRecord['images']): NonNullable<PlanState['digests']> =>
  Object.fromEntries(
    Object.entries(VARIANT_IMAGES).flatMap(([variant, name]) => {
      const image = images[name];
      if (image === undefined) return [];
      const platforms = Object.entries(image.platforms).map(([platform, { digest }]) => [platform, digest]);
      return [[variant, { index: image.index.digest, platforms: Object.fromEntries(platforms) }]];
    }),
  );
