import { bootstrapNodeVersion } from '../base/bootstrap.ts';
import { nodeProblems } from '../base/node-problems.ts';
import { trustCertificates } from '../certificates.ts';
import type { BakedPlugin, Gateway, PackagedGateway } from '../gateway/gateway.ts';
import { readNpmOptions } from '../gateway/npm.ts';
import { lockIndependently, readGatewayPackage } from '../gateway/npm-package.ts';
import { resolvePlugins } from '../gateway/plugin-package.ts';
import type { Replacement } from '../gateway/replaced-package.ts';
import { type ResolvedPackage, resolveGatewayPackage } from '../gateway/resolved-package.ts';
import { collectInto, type Problem, problemWith, RequestError, WorkError } from '../problem.ts';
import type { GatewayChoice, ImageSpec } from '../spec/image-spec.ts';
import { gatewayAnnotationProblems } from './image-annotations.ts';

/** The software of an image, resolved to exact versions. */
export interface ResolvedInputs {
  readonly gateway: Gateway;
  /** External plugins to bake. */
  readonly plugins: readonly BakedPlugin[];
}

/**
 * Resolves gateway and plugins, before the engine is contacted.
 *
 * @param problems of the request, found so far
 * @throws RequestError with these and all further problems; WorkError if the registry cannot be read
 */
export async function resolveInputs(
  spec: ImageSpec,
  problems: readonly Problem[],
  onStep: (step: string) => void,
): Promise<ResolvedInputs> {
  const collected = [...problems];
  if (spec.ca !== undefined) await trustCertificates(spec.ca);
  const { gateway } = spec;
  try {
    return gateway.kind === 'checkout'
      ? await resolveCheckout(spec, gateway.path, collected)
      : await resolvePackage(spec, gateway, collected, onStep);
  } catch (error) {
    // Report the known problems even if the registry is unreachable, so that further ones cannot be found.
    if (error instanceof WorkError && collected.length > 0) throw new RequestError(collected, { cause: error });
    throw error;
  }
}

async function resolveCheckout(spec: ImageSpec, path: string, problems: Problem[]): Promise<ResolvedInputs> {
  const { readCheckout } = await import('../gateway/checkout.ts');
  const replacements = await replacementsOf(spec).catch(collectInto(problems));
  // Without the replacements, the checkout would have the problems that they solve.
  if (replacements === undefined) throw new RequestError(problems);
  const checkout = await readCheckout(path, spec.extensions, replacements).catch(collectInto(problems));
  if (checkout === undefined) throw new RequestError(problems);
  if (spec.revision !== undefined) {
    const reason = 'is possible for a gateway from npm only: git knows the commit of a checkout';
    problems.push(problemWith('--revision', spec.revision, reason, 'leave it out'));
  }
  const gateway = withGiven(spec, checkout);
  problems.push(
    ...browserProblems(spec, checkout),
    ...bootstrapProblems(spec, checkout),
    ...gatewayAnnotationProblems(gateway, '--source'),
  );
  if (problems.length > 0) throw new RequestError(problems);
  return { gateway, plugins: [] };
}

async function replacementsOf({ overrides, ca }: ImageSpec): Promise<readonly Replacement[]> {
  if (Object.keys(overrides).length === 0) return [];
  const { resolveReplacements } = await import('../gateway/replaced-package.ts');
  return resolveReplacements(overrides, await readNpmOptions(ca));
}

async function resolvePackage(
  spec: ImageSpec,
  choice: Exclude<GatewayChoice, { kind: 'checkout' }>,
  problems: Problem[],
  onStep: (step: string) => void,
): Promise<ResolvedInputs> {
  const npm = await readNpmOptions(spec.ca);
  const isValid = !problems.some(({ source }) => source === '--package');
  const resolved: ResolvedPackage | undefined = isValid
    ? await resolveGatewayPackage(choice, npm)
        .then((found) => ({
          ...found,
          overrides: spec.overrides,
          lockfile: spec.locked?.lockfile,
          git: spec.locked?.git,
        }))
        .catch(collectInto(problems))
    : undefined;
  // An invalid request needs the package itself only to find problems of plugins, browser and base.
  const needsPackage = spec.extensions.length > 0 || spec.browser === 'playwright' || spec.base.kind === 'bootstrap';
  if (resolved === undefined || (problems.length > 0 && !needsPackage)) throw new RequestError(problems);
  const cached = await readGatewayPackage(resolved, npm, onStep);
  // A reproducible image must not depend on earlier builds on this host.
  const gateway = spec.sourceDateEpoch === undefined ? cached : await lockIndependently(cached, resolved, npm, onStep);
  const locked = (spec.locked?.plugins ?? []).filter(({ id }) => spec.extensions.includes(id));
  const others = spec.extensions.filter((id) => !locked.some((plugin) => plugin.id === id));
  const resolvedPlugins = await resolvePlugins(others, gateway, npm).catch(collectInto(problems));
  const plugins = resolvedPlugins && [...locked, ...resolvedPlugins];
  const named = withGiven(spec, gateway);
  problems.push(
    ...browserProblems(spec, gateway),
    ...bootstrapProblems(spec, gateway),
    ...revisionProblems(spec, gateway),
    ...gatewayAnnotationProblems(named, '--package'),
    ...leftOutProblems(spec, gateway),
  );
  if (plugins === undefined || problems.length > 0) throw new RequestError(problems);
  return { gateway: named, plugins };
}

/** Another host may have what this one could not fetch, so a reproducible image leaves nothing out. */
const leftOutProblems = (
  { sourceDateEpoch }: ImageSpec,
  { origin, leftOut = {} }: PackagedGateway,
): readonly Problem[] =>
  sourceDateEpoch === undefined
    ? []
    : Object.entries(leftOut).map(([name, { reason, hint }]) =>
        problemWith('--package', origin, `would lack ${name}: ${reason}`, hint),
      );

/** The address that the user names counts more than the one of the gateway, and the commit is for a gateway that has none. */
const withGiven = <T extends Gateway>({ sourceUrl, revision }: ImageSpec, gateway: T): T => ({
  ...gateway,
  ...(sourceUrl === undefined ? {} : { repository: sourceUrl, homepage: sourceUrl }),
  ...(revision === undefined ? {} : { revision }),
});

/** The commit in the package takes precedence, and another one is refused. */
const revisionProblems = ({ revision }: ImageSpec, gateway: PackagedGateway): readonly Problem[] =>
  revision === undefined || gateway.revision === '' || gateway.revision === revision
    ? []
    : [
        problemWith(
          '--revision',
          revision,
          `is not the commit in dist/build-info.json of ${gateway.origin}: ${gateway.revision}`,
          'leave it out',
        ),
      ];

/** The Node version of a bootstrapped base is known before the base is made. For other bases it is read later. */
const bootstrapProblems = ({ base }: ImageSpec, gateway: Gateway): readonly Problem[] =>
  base.kind === 'bootstrap' ? nodeProblems({ name: base.kind, nodeVersion: bootstrapNodeVersion() }, gateway) : [];

/** Without playwright-core among the dependencies, the right version of Chromium is unknown. */
function browserProblems({ browser }: ImageSpec, { origin, playwrightVersion }: Gateway): readonly Problem[] {
  if (browser !== 'playwright' || playwrightVersion !== undefined) return [];
  return [
    problemWith(
      '--browser',
      browser,
      `is not possible: ${origin} does not depend on playwright-core, so the version of Chromium is unknown`,
      "use Debian's Chromium: --browser debian",
    ),
  ];
}
