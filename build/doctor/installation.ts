/** What was seen of an installation, and nothing yet of what it means. */
export interface Installation {
  /** Folder of docker-compose.yml. */
  readonly project: string;
  readonly engine: {
    readonly version: string;
    readonly host: string;
    /** Bytes that containers may use. */
    readonly memory: number;
  };
  /** Undefined: there is none. */
  readonly composeVersion: string | undefined;
  /** `.env`; empty for none. */
  readonly dotEnv: string;
  /** `openclaw.json`, read; undefined: there is none; `'unreadable'`: it is no JSON5. */
  readonly config: unknown;
  /** Compose files that exist, with their contents; of the ones that setup knows. */
  readonly files: ReadonlyMap<string, string>;
  /** Environment of the gateway's service as Compose makes it now; undefined: Compose refuses the files, as `composeError` says. */
  readonly wantedEnvironment: ReadonlyMap<string, string> | undefined;
  readonly composeError: string | undefined;
  readonly container: GatewayContainer | undefined;
  /** Undefined: the engine does not have it. */
  readonly image: { readonly name: string; readonly id: string; readonly version: string | undefined } | undefined;
  /** The newest release on npm; undefined: the registry did not answer. */
  readonly newestRelease: string | undefined;
  readonly folders: readonly Folder[];
  readonly ports: readonly PublishedPort[];
}

export interface GatewayContainer {
  readonly id: string;
  readonly status: string;
  /** `starting`, `healthy`, `unhealthy`; undefined without a health check. */
  readonly health: string | undefined;
  readonly imageId: string;
  readonly environment: ReadonlyMap<string, string>;
  /** Names of those that the image itself sets. */
  readonly imageVariables: ReadonlySet<string>;
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
  /** The Compose files that it was made from. */
  readonly composeFiles: readonly string[];
}

/** A folder of the host's that the containers write to. */
export interface Folder {
  readonly variable: string;
  readonly path: string;
  readonly exists: boolean;
  /** Files and folders that are not uid 1000's; undefined: nobody could look. */
  readonly foreign: number | undefined;
  /** Bytes left on its disk; undefined: nobody could look. */
  readonly free: number | undefined;
}

export interface PublishedPort {
  readonly variable: string;
  readonly port: number;
  /** Whoever listens, in words: `container openclaw-gateway-1`, `process 4711 (nginx)`; undefined: nobody. */
  readonly holder: string | undefined;
  /** Whether that is the gateway of this project. */
  readonly own: boolean;
}
