import type { ImageConfig } from '../oci/document.ts';
import { type Failure, WorkError } from '../problem.ts';
import { type RequestFailure, requestFailure } from '../request-failure.ts';
import { type DockerCli, runDocker } from './docker-cli.ts';

/**
 * Reads registries with `docker buildx imagetools`, which uses Docker's credentials and certificates.
 *
 * The toolkit's ImageTools has no time limit, and no environment per command (lib/exec.js), which selects our engine.
 */
export interface ImageToolsCommand extends DockerCli {
  /** Name of a buildx builder, whose registry settings apply; undefined: the engine's own. */
  readonly builder?: string | undefined;
}

/** Whether the registry could not be contacted at all. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof WorkError && error.failure.kind === 'registry-unreachable';

/** A firewall that drops packets gives no answer. Go's connection timeout has the same length. */
const ANSWER_SECONDS = 30;

async function inspect(command: ImageToolsCommand, reference: string, format: string): Promise<string> {
  const at = command.builder === undefined ? [] : ['--builder', command.builder];
  const args = ['buildx', 'imagetools', 'inspect', ...at, '--format', format, reference];
  const { stdout, stderr, exitCode, timedOut } = await runDocker(command, args, { timeout: ANSWER_SECONDS * 1000 });
  if (exitCode === 0) return stdout;
  const message = timedOut === true ? `no answer within ${ANSWER_SECONDS} s` : lastLine(stderr).replace(/^ERROR: /, '');
  throw new WorkError(
    explainInspection(reference, message, timedOut === true ? 'no-network' : requestFailure(message)),
  );
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

function explainInspection(reference: string, message: string, failure: RequestFailure | undefined): Failure {
  const reason = `${reference} could not be read: ${message}.`;
  switch (failure) {
    case 'no-network':
    case 'tls-inspection':
      return {
        kind: 'registry-unreachable',
        title: 'The registry is unreachable',
        reason,
        hint: 'check the network, the name of the registry, and the certificate authorities of this host',
      };
    case 'rate-limited':
      return {
        kind: failure,
        title: 'The registry limits requests',
        reason,
        hint: 'wait, then try again; or log in: docker login REGISTRY',
      };
    case 'registry-error':
      return { kind: failure, title: 'The registry failed', reason, hint: 'try again later' };
    case 'registry-denied':
    case undefined: {
      const missing = /not found|unknown/i.test(message);
      return {
        kind: missing ? 'not-found' : 'registry-denied',
        title: missing ? 'The registry does not have this image' : 'The registry denied access',
        reason,
        hint: 'check the name, then log in: docker login REGISTRY',
      };
    }
  }
}

/** @returns the digest of an image in a registry; that of the index, if there is one */
export async function readDigest(command: ImageToolsCommand, reference: string): Promise<string> {
  // With {{.Manifest.Digest}} buildx prints its default summary instead.
  return (JSON.parse(await inspect(command, reference, '{{json .Manifest}}')) as { readonly digest: string }).digest;
}

/** @returns a config for each platform (`linux/amd64`) */
export async function readConfigs(
  command: ImageToolsCommand,
  reference: string,
): Promise<ReadonlyMap<string, ImageConfig>> {
  const parsed = JSON.parse(await inspect(command, reference, '{{json .Image}}')) as
    | ImageConfig
    | Readonly<Record<string, ImageConfig>>;
  if (typeof (parsed as ImageConfig).architecture === 'string') {
    const config = parsed as ImageConfig;
    return new Map([[`${config.os}/${config.architecture}`, config]]);
  }
  return new Map(Object.entries(parsed as Readonly<Record<string, ImageConfig>>));
}
