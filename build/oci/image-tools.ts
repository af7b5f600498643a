import { execa } from 'execa';
import { type Explanation, WorkError } from '../problem.ts';

/** Reads registries through `docker buildx imagetools`, with the credentials and certificates that Docker uses. */
export interface ImageToolsCommand {
  readonly docker: string;
  readonly environment: NodeJS.ProcessEnv;
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

const UNREACHABLE =
  /no such host|dial tcp|i\/o timeout|connection refused|network is unreachable|connection reset|TLS handshake|certificate|failed to do request|EOF$|server misbehaving/i;

/** Whether a registry could not be spoken to at all, rather than having answered. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof WorkError && error.explanation.kind === 'registry-unreachable';

async function inspect({ docker, environment }: ImageToolsCommand, reference: string, format: string): Promise<string> {
  const { stdout, stderr, exitCode } = await execa(
    docker,
    ['buildx', 'imagetools', 'inspect', '--format', format, reference],
    {
      env: environment,
      extendEnv: false,
      reject: false,
      timeout: 30_000,
    },
  );
  if (exitCode === 0) return stdout;
  const said =
    stderr
      .trim()
      .replace(/^ERROR: /, '')
      .split('\n')
      .at(-1) ?? '';
  const explanation: Explanation = UNREACHABLE.test(said)
    ? {
        kind: 'registry-unreachable',
        title: 'A registry cannot be reached',
        reason: `${reference} was asked for: ${said || 'no answer within 30 s'}`,
        wayOut: 'check the network, the name, and the certificate authorities of this host',
      }
    : {
        kind: /not found|unknown/i.test(said) ? 'not-found' : 'registry-denied',
        title: /not found|unknown/i.test(said) ? 'The registry has no such image' : 'The registry refused',
        reason: `${reference}: ${said}`,
        wayOut: 'check the name; if it is right, log in: docker login REGISTRY',
      };
  throw new WorkError(explanation);
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
