import { readPin } from '../base/pin.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { ANNOTATION_ARGUMENTS } from '../dockerfile/runtime-stage.ts';
import { readCheckout } from '../gateway/checkout.ts';
import type { Annotations } from '../oci/annotations.ts';
import { repositoryOf } from '../oci/reference.ts';
import { imageAnnotations } from './annotations.ts';

/** What plain `docker build` needs to build a checkout as it is now. */
export interface RenderedCheckout {
  readonly dockerfile: string;
  /** Text of `<file>.dockerignore`. */
  readonly ignore: string;
  /** A Dockerfile can set labels and no annotations: these are for `--annotation`. */
  readonly annotations: Annotations;
}

/** @throws RequestError with everything that would make the build fail */
export async function renderCheckout(source: string): Promise<RenderedCheckout> {
  const gateway = await readCheckout(source, []);
  const { from, reference } = readPin();
  const base = { name: `${repositoryOf(reference)}:${reference.tag ?? 'latest'}`, digest: reference.digest };
  const annotations = imageAnnotations(gateway, base, new Date(gateway.changed));
  const plan = planDockerfile({
    base: from,
    gateway,
    plugins: [],
    aptPackages: [],
    pipPackages: [],
    browser: 'none',
    dockerCli: false,
  });
  const labels = Object.entries(ANNOTATION_ARGUMENTS).map(([key, name]) => ({
    name,
    value: escapeQuoted(annotations[key] ?? ''),
    meaning: `the label ${key}`,
  }));
  return {
    dockerfile: renderDockerfile({ ...plan, parameters: [...plan.parameters, ...labels] }),
    ignore: gateway.ignore,
    annotations,
  };
}

/** For a value between double quotes: what a checkout says of itself must not write instructions. */
const escapeQuoted = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/["\\$]/g, '\\$&');
