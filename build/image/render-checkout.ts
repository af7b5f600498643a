import { readPin } from '../base/pin.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { ANNOTATION_ARGUMENTS } from '../dockerfile/runtime-stage.ts';
import { readCheckout } from '../gateway/checkout.ts';
import type { Annotations } from '../oci/annotations.ts';
import { taggedName } from '../oci/reference.ts';
import { createdAnnotation, imageAnnotations } from './image-annotations.ts';

/** Files and options with which plain `docker build` builds a checkout. */
export interface RenderedCheckout {
  readonly dockerfile: string;
  /** Contents of `<file>.dockerignore`. */
  readonly ignore: string;
  /** Values for `--annotation`, because a Dockerfile can only set labels. */
  readonly annotations: Annotations;
}

/** @throws RequestError with every problem that would make the build fail */
export async function renderCheckout(source: string): Promise<RenderedCheckout> {
  const gateway = await readCheckout(source, []);
  const { from, reference } = readPin();
  const base = { name: taggedName(reference), digest: reference.digest };
  const annotations = { ...imageAnnotations(gateway, base), ...createdAnnotation(new Date(gateway.changed)) };
  const plan = planDockerfile({ base: from, gateway });
  const labels = Object.entries(ANNOTATION_ARGUMENTS).map(([key, name]) => ({
    name,
    value: escapeQuoted(annotations[key] ?? ''),
    meaning: `value of the label ${key}`,
  }));
  return {
    dockerfile: renderDockerfile({ ...plan, parameters: [...plan.parameters, ...labels] }),
    ignore: gateway.ignore,
    annotations,
  };
}

/** Escapes a value for double quotes in a Dockerfile, so that a checkout cannot inject instructions. */
const escapeQuoted = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/["\\$]/g, '\\$&');
