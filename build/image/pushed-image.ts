import type { Engine } from '../engine/engine.ts';
import { isUnreachable, readDigest } from '../oci/image-tools.ts';
import { WorkError } from '../problem.ts';

/**
 * Reads back what was pushed.
 *
 * A registry that this host does not reach, or only by HTTP, may be reached by who pushed: the engine, a remote builder. Its word
 * stands then.
 * @param builder of buildx, whose settings for registries count
 * @param pushed the digest that was pushed
 * @throws WorkError where a registry has something else under one of the names
 */
export async function readBackPushed(
  names: readonly string[],
  engine: Pick<Engine, 'docker' | 'environment'>,
  builder: string | undefined,
  pushed: string | undefined,
): Promise<void> {
  for (const name of names) {
    const digest = await readDigest({ ...engine, builder }, name).catch((error: unknown) => {
      if (isUnreachable(error)) return pushed;
      throw error;
    });
    if (digest === pushed) continue;
    throw new WorkError({
      kind: 'read-back',
      title: 'The image in the registry is not the one that was pushed',
      reason: `${name} is ${digest}, and the build pushed ${pushed}`,
      wayOut: 'something else moved the tag meanwhile: push again',
    });
  }
}
