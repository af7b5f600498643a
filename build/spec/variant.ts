/** The variants of a gateway image: `slim` is another name of the default. Source: docs/reference.md, "Build inputs" and "Versions and tags". */
export const VARIANTS = ['default', 'slim', 'browser'] as const;
export type Variant = (typeof VARIANTS)[number];

/** `2026.9.6` → `2026.9.6-browser`; `latest` → `slim`, `latest-browser`. */
export function variantTag(tag: string, variant: Variant): string {
  if (variant === 'default') return tag;
  return tag === 'latest' && variant === 'slim' ? 'slim' : `${tag}-${variant}`;
}

/** A tag without its variant suffix, and the variant: `latest-browser` → `latest`, `browser`; `slim` → `latest`, `slim`. */
export function splitVariantTag(tag: string): { readonly name: string; readonly variant: Variant } {
  for (const variant of VARIANTS) {
    if (variant === 'default') continue;
    if (tag === variantTag('latest', variant)) return { name: 'latest', variant };
    if (tag.endsWith(`-${variant}`)) return { name: tag.slice(0, -variant.length - 1), variant };
  }
  return { name: tag, variant: 'default' };
}

/** The image that each variant names. */
export const VARIANT_IMAGES = { default: 'default', slim: 'default', browser: 'browser' } as const satisfies Record<
  Variant,
  Variant
>;
export type VariantImage = (typeof VARIANT_IMAGES)[Variant];

/** A value for each image of a release that has one. */
export type PerImage<T> = Readonly<Partial<Record<VariantImage, T>>>;

/** The images of several variants, each once. */
export const imagesOf = (variants: readonly Variant[]): readonly VariantImage[] => [
  ...new Set(variants.map((variant) => VARIANT_IMAGES[variant])),
];
