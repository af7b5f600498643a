import { execa } from 'execa';
import { type Explanation, WorkError } from '../problem.ts';
import { type RequestFailure, requestFailure } from './request-failure.ts';

/** Reads registries through `docker buildx imagetools`, with the credentials and certificates that Docker uses. */
export interface ImageToolsCommand {
  readonly docker: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Of buildx, whose settings for registries count; undefined for the engine's own. */
  readonly builder?: string | undefined;
}

/** The part of an image's config that we read. Source: OCI image-spec, config.md. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly created?: string;
  readonly config?: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
    readonly Healthcheck?: { readonly Test?: readonly string[]; readonly StartPeriod?: number };
  };
}

/** Whether a registry could not be spoken to at all, rather than having answered. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof WorkError && error.explanation.kind === 'registry-unreachable';

/** A registry whose packets are dropped says nothing: Go gives up on a connection after as long. */
const ANSWER_SECONDS = 30;

async function inspect(command: ImageToolsCommand, reference: string, format: string): Promise<string> {
  const { docker, environment, builder } = command;
  const { stdout, stderr, exitCode, timedOut } = await execa(
    docker,
    [
      'buildx',
      'imagetools',
      'inspect',
      ...(builder === undefined ? [] : ['--builder', builder]),
      '--format',
      format,
      reference,
    ],
    {
      env: environment,
      extendEnv: false,
      reject: false,
      timeout: ANSWER_SECONDS * 1000,
    },
  );
  if (exitCode === 0) return stdout;
  const said = timedOut ? `no answer within ${ANSWER_SECONDS} s` : lastLine(stderr).replace(/^ERROR: /, '');
  throw new WorkError(explainInspection(reference, said, timedOut ? 'no-network' : requestFailure(said)));
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

function explainInspection(reference: string, said: string, failure: RequestFailure | undefined): Explanation {
  const reason = `${reference} was asked for: ${said}`;
  switch (failure) {
    case 'no-network':
    case 'tls-inspection':
      return {
        kind: 'registry-unreachable',
        title: 'A registry cannot be reached',
        reason,
        wayOut: 'check the network, the name, and the certificate authorities of this host',
      };
    case 'rate-limited':
      return {
        kind: failure,
        title: 'The registry asks to slow down',
        reason,
        wayOut: 'wait and try again, or log in: docker login REGISTRY',
      };
    case 'registry-error':
      return { kind: failure, title: 'The registry failed', reason, wayOut: 'try again in a while' };
    case 'registry-denied':
    case undefined: {
      const missing = /not found|unknown/i.test(said);
      return {
        kind: missing ? 'not-found' : 'registry-denied',
        title: missing ? 'The registry has no such image' : 'The registry refused',
        reason,
        wayOut: 'check the name; if it is right, log in: docker login REGISTRY',
      };
    }
  }
}

/** @returns the image's digest as the registry has it (of the index, where there is one) */
export async function readDigest(command: ImageToolsCommand, reference: string): Promise<string> {
  // {{.Manifest.Digest}} prints the whole summary: buildx takes any format that begins so for its own.
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

/** The value of a variable in an image's environment. */
export const environmentOf = (config: ImageConfig, name: string): string | undefined =>
  config.config?.Env?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
