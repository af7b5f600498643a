import { resolveBase } from '../../build/base/resolve-base.ts';
import { engine } from './command.ts';

/** Options for `docker buildx build` of a rendered Dockerfile: the base and the authorities that this host needs. */
export async function plainBuildArguments(): Promise<readonly string[]> {
  const { context } = await resolveBase({
    choice: { kind: 'auto' },
    platforms: [],
    engine: engine(),
    builder: undefined,
    listener: { onStep: () => {}, onProgress: () => {} },
    signal: undefined,
  });
  const ca = process.env['NODE_EXTRA_CA_CERTS'];
  return [
    '--builder=default',
    ...(context === undefined ? [] : [`--build-context=base=${context}`]),
    ...(ca === undefined ? [] : [`--secret=id=ca,src=${ca}`]),
  ];
}
