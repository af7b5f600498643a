import { createHash } from 'node:crypto';
import type { Base } from '../base/base.ts';
import { readPin } from '../base/pin.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { ANNOTATION_ARGUMENTS } from '../dockerfile/runtime-stage.ts';
import type { Layer } from '../dockerfile/stage.ts';
import { byAge } from '../gateway/dependency-layers.ts';
import type { BakedPlugin, Gateway } from '../gateway/gateway.ts';
import type { Annotations } from '../oci/annotations.ts';
import { formatReference, taggedName } from '../oci/reference.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { imageAnnotations } from './image-annotations.ts';
import type { ResolvedInputs } from './resolve-inputs.ts';

/** A build of one image, ready to run: plain data. */
export interface BuildPlan {
  readonly spec: ImageSpec;
  readonly base: Omit<Base, 'nodeVersion'>;
  readonly dockerfile: string;
  /** Stage to build; undefined for the last one. */
  readonly target?: string;
  /** Another date installs the Debian packages again; undefined: those of the cache, if it has them. */
  readonly packagesDate?: string;
  /** The build context; undefined: an empty folder. */
  readonly context?: { readonly folder: string; readonly ignore?: string };
  /** Named contexts by the stage that they replace. */
  readonly contexts: Readonly<Record<string, string>>;
  /** Layers on top of the base, lowest first. */
  readonly layers: readonly Layer[];
  /** All annotations but `created`. */
  readonly annotations: Annotations;
  /** Value of the annotation `created`. `first-build`: the time of the first build with the same contents, so that a repeated build
   * gives the same image; undefined: no such annotation. */
  readonly created: Date | 'first-build' | undefined;
  /** Build arguments that carry annotations: annotation → argument. */
  readonly annotationArguments: Readonly<Record<string, string>>;
  /** Identifies the contents: equal for equal contents. */
  readonly key: string;
}

/** The build of a gateway image. */
export interface GatewayBuildPlan extends BuildPlan {
  readonly base: Base;
  readonly gateway: Gateway;
  readonly plugins: readonly BakedPlugin[];
}

/** A base that was resolved, and the folders and images that replace stages of the Dockerfile. */
export interface ResolvedContexts {
  readonly base: Base;
  readonly contexts: Readonly<Record<string, string>>;
}

/** The base that a spec names, unresolved: enough for `--dry-run`, which contacts no registry. */
export function declaredContexts({ base }: ImageSpec): ResolvedContexts {
  const pin = readPin();
  const reference = base.kind === 'reference' ? base.reference : base.kind === 'run-base' ? base.base : pin.reference;
  const from = reference === pin.reference ? pin.from : formatReference(reference);
  const name = taggedName(reference);
  const kind = base.kind === 'auto' ? 'pinned' : base.kind === 'run-base' ? 'reference' : base.kind;
  const digest = reference.digest ?? '';
  return { base: { kind, name, digest, nodeVersion: '', from, context: undefined, warning: [] }, contexts: {} };
}

/** Plans the build of a gateway image. Pure: the same spec, inputs and base give the same plan, byte for byte. */
export function planBuild(
  spec: ImageSpec,
  { gateway, plugins }: ResolvedInputs,
  { base, contexts }: ResolvedContexts,
): GatewayBuildPlan {
  // The order of layers by age depends on earlier builds on this host, which a reproducible image must not.
  const ordered =
    gateway.kind === 'checkout' || spec.sourceDateEpoch !== undefined
      ? gateway
      : { ...gateway, dependencyLayers: byAge(gateway.dependencyLayers) };
  const { aptPackages, pipPackages, browser, dockerCli } = spec;
  const isolated = spec.sourceDateEpoch !== undefined;
  const request = {
    base: base.from,
    gateway: ordered,
    plugins,
    aptPackages,
    pipPackages,
    browser,
    dockerCli,
    heap: spec.heap,
    isolated,
  };
  const plan = planDockerfile(request);
  const dockerfile = renderDockerfile(plan);
  const identity =
    gateway.kind === 'checkout'
      ? [gateway.root, gateway.revision, gateway.changed]
      : [gateway.integrity, gateway.overrides, gateway.git];
  return {
    spec,
    gateway,
    plugins,
    base,
    dockerfile,
    ...(gateway.kind === 'checkout' ? { context: { folder: gateway.root, ignore: gateway.ignore } } : {}),
    contexts: {
      ...(gateway.kind === 'checkout'
        ? {}
        : { gateway: gateway.context, 'gateway-dependencies': gateway.dependencies }),
      ...contexts,
    },
    layers: plan.layers,
    annotations: imageAnnotations(gateway, base),
    created: createdOf(spec, gateway),
    annotationArguments: ANNOTATION_ARGUMENTS,
    // Without the smoke test, the key is another one: a later build must not take the image as tested.
    key: planKey([
      ...[dockerfile, base.digest, identity, plugins, spec.platforms, spec.sourceDateEpoch],
      ...(base.runBase === undefined ? [] : [base.runBase]),
      ...(spec.smokeTest ? [] : ['not tested']),
    ]),
  };
}

function createdOf({ sourceDateEpoch }: ImageSpec, gateway: Gateway): Date | 'first-build' {
  if (sourceDateEpoch !== undefined) return new Date(sourceDateEpoch * 1000);
  return gateway.kind === 'checkout' ? new Date(gateway.changed) : 'first-build';
}

/** @param contents everything that determines the contents of an image */
export const planKey = (contents: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, 16);
