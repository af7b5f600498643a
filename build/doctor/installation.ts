import type { Snapshot } from '../stack/snapshot.ts';

/** The state of an installation, before it is judged. */
export interface Installation {
  /** The folder with docker-compose.yml. */
  readonly project: string;
  readonly engine: {
    readonly version: string;
    readonly host: string;
    /** The setting that names it: `DOCKER_HOST`, `context default`. */
    readonly source: string;
    /** Bytes of memory for containers. */
    readonly memory: number;
  };
  /** Undefined if Compose is not installed. */
  readonly composeVersion: string | undefined;
  /** Contents of `.env`; empty if the file does not exist. */
  readonly dotEnv: string;
  /** Contents of `.env` beside `openclaw.json`; empty if there is none. */
  readonly besideConfig: string;
  /** Parsed `openclaw.json`; undefined if the file does not exist; `'unreadable'` if it is not valid JSON5. */
  readonly config: unknown;
  /** Existing overlays and override, with their contents. */
  readonly files: ReadonlyMap<string, string>;
  /** The gateway's environment in the current Compose files; undefined if Compose rejects the files (see `composeError`). */
  readonly wantedEnvironment: ReadonlyMap<string, string> | undefined;
  readonly composeError: string | undefined;
  /** Undefined if this folder has no container, also if another installation with the same project name has one. */
  readonly container: GatewayContainer | undefined;
  /** Another installation with the same project name. */
  readonly namesake: { readonly project: string; readonly folder: string } | undefined;
  /** Undefined if the engine does not have the image. */
  readonly image: { readonly name: string; readonly id: string; readonly version: string | undefined } | undefined;
  /** Newest release on npm; undefined if the registry did not answer. */
  readonly newestRelease: string | undefined;
  readonly folders: readonly Folder[];
  readonly ports: readonly PublishedPort[];
  /** The snapshots of updates, the oldest first; undefined if this user cannot read their folder. */
  readonly snapshots: readonly Snapshot[] | undefined;
}

export interface GatewayContainer {
  readonly id: string;
  readonly status: string;
  /** `starting`, `healthy`, `unhealthy`; undefined without a health check. */
  readonly health: string | undefined;
  readonly imageId: string;
  readonly environment: ReadonlyMap<string, string>;
  /** Names of the variables that the image or the engine sets. */
  readonly imageVariables: ReadonlySet<string>;
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
  /** The folder that Compose created it in; empty if it is not Compose's. */
  readonly folder: string;
  /** The Compose files that the container was created from. */
  readonly composeFiles: readonly string[];
}

/** A host folder that the containers write to. */
export interface Folder {
  readonly variable: string;
  readonly path: string;
  readonly exists: boolean;
  /** The user that the containers run as. */
  readonly uid: string;
  /** Number of files and folders that do not belong to this user; undefined if it could not be read. */
  readonly foreign: number | undefined;
  /** Free bytes on its disk; undefined if it could not be read. */
  readonly free: number | undefined;
}

export interface PublishedPort {
  readonly variable: string;
  readonly port: number;
  /** Whether a Compose file publishes it: the user's may not, for example behind a proxy. */
  readonly published: boolean;
  /** The listener, for people: `the container openclaw-gateway-1`, `process 4711 (nginx)`; undefined if the port is free. */
  readonly holder: string | undefined;
  /** Whether the listener is the gateway of this project. */
  readonly own: boolean;
}
