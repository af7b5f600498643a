import type { BootstrapListener } from '../base/bootstrap.ts';
import { buildBaseContext } from '../base/build-base.ts';
import { nodeProblems } from '../base/node-problems.ts';
import { resolveBase, suitableBase } from '../base/resolve-base.ts';
import { SYSTEM } from '../dockerfile/system-stages.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { readNpmOptions } from '../gateway/npm.ts';
import { readPluginPackage } from '../gateway/plugin-package.ts';
import { RequestError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { ResolvedContexts } from './build-plan.ts';
import type { ResolvedInputs } from './resolve-inputs.ts';

/** The engine that builds, and how to report progress. */
export interface BuildContext {
  readonly cli: DockerCli;
  /** Name of a buildx builder; undefined: the engine's own. */
  readonly builder: string | undefined;
  readonly listener: BootstrapListener;
  readonly signal: AbortSignal | undefined;
}

/** Resolves the base, and makes plugins and bases available. @throws RequestError if the gateway needs another Node */
export async function resolveContexts(
  spec: ImageSpec,
  { gateway, plugins }: ResolvedInputs,
  { cli, builder, listener, signal }: BuildContext,
): Promise<ResolvedContexts> {
  const choice = suitableBase(spec.base, spec.destination);
  const npm = await readNpmOptions(spec.ca);
  const [base, pluginFolders] = await Promise.all([
    resolveBase({ choice, platforms: spec.platforms, engine: cli, builder, listener, signal }),
    Promise.all(plugins.map((plugin) => readPluginPackage(plugin, npm))),
  ]);
  const problems = nodeProblems(base, gateway);
  if (problems.length > 0) throw new RequestError(problems);
  // A reproducible image depends on its own base only.
  const buildBase = spec.sourceDateEpoch === undefined ? await buildBaseContext(base, spec.platforms) : undefined;
  return {
    base,
    contexts: {
      ...Object.fromEntries(plugins.map(({ id }, index) => [`plugin-${id}`, pluginFolders[index] ?? ''])),
      ...(base.context === undefined ? {} : { base: base.context }),
      ...(buildBase === undefined ? {} : { 'build-base': buildBase }),
      ...(base.runBase === undefined ? {} : { [SYSTEM.name]: `docker-image://${base.runBase}` }),
    },
  };
}
