import { bootstrapNodeVersion } from '../base/bootstrap.ts';
import { nodeProblems } from '../base/node-problems.ts';
import type { BakedPlugin, Gateway } from '../gateway/gateway.ts';
import {
  lockedAlone,
  type ResolvedPackage,
  readGatewayPackage,
  resolveGatewayPackage,
} from '../gateway/npm-package.ts';
import { resolvePlugins } from '../gateway/plugin-package.ts';
import { type Problem, RequestError, WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { trustAuthorities } from '../trust-authorities.ts';

/** What goes into an image, resolved to exact versions: nothing after this is left to chance. */
export interface Ingredients {
  readonly gateway: Gateway;
  readonly plugins: readonly BakedPlugin[];
}

/**
 * Resolves gateway and plugins before any engine is called.
 *
 * @param problems what is wrong with the request already
 * @throws RequestError with those and every further one
 */
export async function gatherIngredients(
  spec: ImageSpec,
  problems: readonly Problem[],
  onStep: (step: string) => void,
): Promise<Ingredients> {
  const found = [...problems];
  if (spec.ca !== undefined) await trustAuthorities(spec.ca);
  const collect = (error: unknown): undefined => {
    if (!(error instanceof RequestError)) throw error;
    found.push(...error.problems);
    return undefined;
  };
  if (spec.gateway.kind === 'checkout') {
    const { readCheckout } = await import('../gateway/checkout.ts');
    const checkout = await readCheckout(spec.gateway.path, spec.extensions).catch(collect);
    if (checkout !== undefined) found.push(...browserProblems(spec, checkout), ...bootstrapProblems(spec, checkout));
    if (checkout === undefined || found.length > 0) throw new RequestError(found);
    return { gateway: checkout, plugins: [] };
  }
  try {
    const badPackage = problems.some(({ source }) => source === '--package');
    const resolved: ResolvedPackage | undefined = badPackage
      ? undefined
      : await resolveGatewayPackage(spec.gateway).catch(collect);
    // Of a request that is wrong already, what its plugins and its browser are needs the package itself.
    const needsPackage = spec.extensions.length > 0 || spec.browser === 'playwright' || spec.base.kind === 'bootstrap';
    if (resolved === undefined || (found.length > 0 && !needsPackage)) throw new RequestError(found);
    const read = await readGatewayPackage(resolved, onStep);
    // What was built here before must not show in a reproducible image.
    const gateway = spec.sourceDateEpoch === undefined ? read : await lockedAlone(read, resolved);
    const plugins = await resolvePlugins(spec.extensions, gateway).catch(collect);
    found.push(...browserProblems(spec, gateway), ...bootstrapProblems(spec, gateway));
    if (plugins === undefined || found.length > 0) throw new RequestError(found);
    return { gateway, plugins };
  } catch (error) {
    // What is known to be wrong is said, also where the registry cannot be asked for the rest.
    if (error instanceof WorkError && found.length > 0) throw new RequestError(found, { cause: error });
    throw error;
  }
}

/** The Node of a base that is made here is known before it is made; of others their registry or the engine is asked. */
const bootstrapProblems = ({ base }: ImageSpec, gateway: Gateway): readonly Problem[] =>
  base.kind === 'bootstrap' ? nodeProblems({ name: base.kind, nodeVersion: bootstrapNodeVersion() }, gateway) : [];

/** Which Chromium Playwright wants is only known where the gateway depends on Playwright. */
function browserProblems({ browser }: ImageSpec, { origin, playwrightVersion }: Gateway): readonly Problem[] {
  if (browser !== 'playwright' || playwrightVersion !== undefined) return [];
  return [
    {
      source: '--browser',
      value: browser,
      reason: `${origin} does not depend on playwright-core, so there is no Chromium that it is made for`,
      wayOut: "bake Debian's: --browser debian",
    },
  ];
}
