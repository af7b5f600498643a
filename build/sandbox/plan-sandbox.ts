import { join } from 'node:path';
import { readPin } from '../base/pin.ts';
import { resolveBase, resolveSandboxBase, suitableBase } from '../base/resolve-base.ts';
import { trustCertificates } from '../certificates.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import { sandboxStages } from '../dockerfile/sandbox-stages.ts';
import { type BuildPlan, planKey } from '../image/build-plan.ts';
import type { BuildContext } from '../image/resolve-contexts.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { SANDBOXES, type SandboxName } from './sandbox.ts';

/** The build context, with the programs that the sandbox of the browser copies. */
const CONTEXT = join(import.meta.dirname, '../../dockerfiles/sandbox');

/**
 * Plans the build of a sandbox image, after it has resolved its base.
 *
 * @param spec of which base, tags, platforms, destination, compression and ca apply
 * @throws WorkError if the base is not available
 */
export async function planSandbox(
  name: SandboxName,
  spec: ImageSpec & { readonly base: { readonly kind: 'auto' | 'pinned' | 'bootstrap' } },
  { cli, builder, listener, signal }: BuildContext,
): Promise<BuildPlan> {
  const { target, hasNode } = SANDBOXES[name];
  const request = { engine: cli, builder, platforms: spec.platforms, listener, signal };
  if (spec.ca !== undefined) await trustCertificates(spec.ca);
  const choice = suitableBase(spec.base, spec.destination);
  const base = await resolveSandboxBase({ ...request, kind: choice.kind });
  const node = hasNode ? await resolveBase({ ...request, choice }) : undefined;
  const stages = sandboxStages({ debian: readPin('sandbox-base.Dockerfile').from, node: readPin().from });
  const dockerfile = renderDockerfile({ parameters: [], stages });
  return {
    spec,
    base,
    dockerfile,
    target,
    context: { folder: CONTEXT },
    contexts: {
      ...(base.context === undefined ? {} : { debian: base.context }),
      ...(node?.context === undefined ? {} : { node: node.context }),
    },
    layers: [],
    annotations: {
      [ANNOTATION.title]: `OpenClaw ${target}`,
      [ANNOTATION.baseName]: base.name,
      [ANNOTATION.baseDigest]: base.digest,
    },
    created: undefined,
    annotationArguments: {},
    key: planKey([dockerfile, target, base.digest, node?.digest, spec.platforms, spec.sourceDateEpoch]),
  };
}
