import { randomBytes } from 'node:crypto';
import { type CheckOutcome, failed, isFailed } from '../check-result.ts';
import { type Container, certificateMount, startContainer } from '../engine/container.ts';
import { type DockerCli, runDocker } from '../engine/docker-cli.ts';
import { readDigest } from '../engine/image-tools.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { readEngineDocument, readRegistryDocument, type StoredAnnotations } from '../engine/stored-annotations.ts';
import { hostPlatform } from '../oci/platform.ts';
import { InterruptedError, WorkError } from '../problem.ts';
import { type Budget, checkBudget } from './budget.ts';
import type { Check, ContractResult, Subject } from './check.ts';
import { STATIC_CHECKS } from './contract.ts';
import { checkIdentities } from './identity-checks.ts';
import { RUNNING_CHECKS } from './running-checks.ts';

export interface Verification {
  readonly reference: string;
  readonly digest: string;
  readonly source: 'engine' | 'registry';
  readonly results: readonly ContractResult[];
}

export interface VerifyRequest {
  /** The full reference, with tag or digest. */
  readonly reference: string;
  /** `linux/arm64`; undefined: the engine's platform. */
  readonly platform: string | undefined;
  /** User and group ids to start the image as, beside its own: `99:100`. */
  readonly identities?: readonly string[];
  /** PEM file with certificate authorities that the gateway trusts in addition. */
  readonly ca?: string | undefined;
  /** Limits for its size. */
  readonly budget?: Budget;
  /** Reads the documents of the image, if they are available: an engine provides them only together with all layers. */
  readonly readDocument?: () => Promise<StoredAnnotations>;
}

/** On the same two cores, a cold start of 10 s takes about 160 s in QEMU. */
const EMULATION_SLOWDOWN = 8;

/**
 * Checks an image against the contract, and boots it. The image is taken from the engine, else from its registry.
 *
 * @param onCheck called when a check starts
 * @throws WorkError if the image does not exist
 */
export async function verifyImage(
  engine: DockerCli,
  { reference, platform, identities = [], ca, budget = {}, readDocument }: VerifyRequest,
  onCheck: (name: string) => void,
  signal: AbortSignal | undefined,
): Promise<Verification> {
  const local = await inspectLocalImage(engine, reference);
  const source = local === undefined ? 'registry' : 'engine';
  if (local === undefined) await pull(engine, reference, platform);
  const image = local ?? (await inspectLocalImage(engine, reference));
  if (image === undefined) throw new Error(`${reference} was pulled, but the engine does not have it`);
  const digest = local?.digest ?? (await readDigest(engine, reference));

  const stopIfInterrupted = (): void => {
    if (signal?.aborted === true) throw new InterruptedError('the image was not verified, and no container is left');
  };
  const containers: Container[] = [];
  const start = async (request: Partial<Parameters<typeof startContainer>[1]>): Promise<Container | Error> => {
    try {
      const container = await startContainer(engine, { image: reference, platform, ...request });
      containers.push(container);
      return container;
    } catch (error) {
      if (error instanceof WorkError) return error;
      throw error;
    }
  };
  const removeAll = (): Promise<unknown> => Promise.all(containers.map((container) => container.remove()));
  // A check that waits for the container notices its end.
  const interrupt = (): void => void removeAll();
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    // Wait for all of them even if one fails: a container that starts later would not be removed.
    const emulated = platform !== undefined && platform !== hostPlatform();
    const { mounts, environment } = certificateMount(ca);
    const run = (): Promise<Container | Error> =>
      start({
        mounts,
        environment: { ...environment, OPENCLAW_GATEWAY_TOKEN: randomBytes(32).toString('hex') },
        ...(emulated ? { healthSeconds: 30 } : {}),
      });
    const read = (): Promise<StoredAnnotations> =>
      local === undefined ? readRegistryDocument(engine, reference, digest) : readEngineDocument(engine, reference);
    const begun = [
      (readDocument ?? read)(),
      // The gateway boots while the file checks run; an emulated processor runs one after the other.
      emulated ? undefined : run(),
      start({ entrypoint: 'sh', command: ['-c', 'sleep 3600'] }),
    ] as const;
    await Promise.allSettled(begun);
    const [document, early, files] = await Promise.all(begun);
    const results: ContractResult[] = [];
    const runChecks = async (checks: readonly Check[], running: Container | Error): Promise<void> => {
      const slowdown = emulated ? EMULATION_SLOWDOWN : 1;
      const subject: Subject = { reference, config: image.config, document, files, running, slowdown };
      for (const check of checks) {
        stopIfInterrupted();
        onCheck(check.name);
        const result = await runCheck(check, subject);
        const hidden = isFailed(result) ? hiddenPart(check, subject) : undefined;
        results.push(hidden !== undefined && (await answersAsPodman(engine)) ? notShown(hidden, result) : result);
      }
      stopIfInterrupted();
    };
    await runChecks(STATIC_CHECKS, new Error('the image is not running yet'));
    if (early === undefined && !(files instanceof Error)) await files.remove();
    await runChecks(RUNNING_CHECKS, early ?? (await run()));
    results.push(
      ...(await checkIdentities(
        engine,
        { reference, platform, ca, slowdown: emulated ? EMULATION_SLOWDOWN : 1 },
        identities,
        onCheck,
        signal,
      )),
    );
    results.push(...(await checkBudget(engine, reference, budget)));
    return { reference, digest, source, results: results.map((result) => ({ ...result, by: THIS_HOST })) };
  } finally {
    signal?.removeEventListener('abort', interrupt);
    await removeAll();
    // An image that was pulled only for this verification is removed.
    if (local === undefined) await runDocker(engine, ['image', 'rm', reference]);
  }
}

/** A container on this host showed the result; no signature was checked. */
const THIS_HOST = 'this host';

async function runCheck({ name, row, requires, run }: Check, subject: Subject): Promise<ContractResult> {
  const started = performance.now();
  let outcome: CheckOutcome;
  try {
    outcome = await run(subject);
  } catch (error) {
    outcome = failed((error as Error).message, 'an image that can be checked');
  }
  return { name, row, checked: requires, ...outcome, seconds: (performance.now() - started) / 1000 };
}

async function answersAsPodman(engine: DockerCli): Promise<boolean> {
  const { stdout } = await runDocker(engine, ['version', '--format', '{{json .Server.Components}}']);
  return stdout.includes('Podman');
}

/** The part of the image that Podman may hide. It keeps the health check of an image in Docker's format: only one that is absent may be hidden. */
const hiddenPart = ({ hiddenByPodman }: Check, { config }: Subject): Check['hiddenByPodman'] =>
  hiddenByPodman === 'health check' && config.config?.Healthcheck !== undefined ? undefined : hiddenByPodman;

const notShown = (hidden: string, result: ContractResult): ContractResult => ({
  ...result,
  status: 'warning',
  found: `not checked: Podman does not show the ${hidden} of an OCI image; verify it in a registry`,
});

async function pull(cli: DockerCli, reference: string, platform: string | undefined): Promise<void> {
  const args = ['pull', '--quiet', ...(platform === undefined ? [] : ['--platform', platform]), reference];
  const { exitCode, stderr } = await runDocker(cli, args);
  if (exitCode === 0) return;
  throw new WorkError({
    kind: 'not-found',
    title: 'The image does not exist',
    reason: `The engine does not have ${reference}, and pulling it failed: ${stderr.trim().split('\n').at(-1) ?? ''}`,
    hint: 'build it (scripts/run build), or check the name; docker image ls lists the images in the engine',
  });
}
