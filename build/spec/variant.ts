/** The variants of a gateway image: `slim` is another name of the default. Source: docs/reference.md, "Build inputs" and "Versions and tags". */
export const VARIANTS = ['default', 'slim', 'browser'] as const;
export type Variant = (typeof VARIANTS)[number];

/** `2026.9.6` → `2026.9.6-browser`; `latest` → `slim`, `latest-browser`. */
export function variantTag(tag: string, variant: Variant): string {
  if (variant === 'default') return tag;
  return tag === 'latest' && variant === 'slim' ? 'slim' : `${tag}-${variant}`;
}

/** The image that each variant names. */
export const VARIANT_IMAGES = { default: 'default', slim: 'default', browser: 'browser' } as const satisfies Record<
  Variant,
  Variant
>;
export type VariantImage = (typeof VARIANT_IMAGES)[Variant];
