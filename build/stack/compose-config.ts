/** The gateway in the output of `docker compose config --format json`. */
export interface Service {
  readonly image: string;
  readonly command: readonly string[] | null;
  readonly entrypoint?: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly user: string;
  readonly group_add?: readonly string[];
  readonly userns_mode?: string;
  readonly hostname: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly pids_limit?: number | string;
  readonly mem_limit?: number | string;
  readonly extra_hosts?: readonly string[];
  readonly dns?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
  readonly networks?: Readonly<Record<string, object | null>>;
  readonly depends_on?: Readonly<Record<string, object>>;
  readonly ports?: readonly {
    readonly target: number;
    readonly published?: string;
    readonly protocol?: string;
    readonly host_ip?: string;
  }[];
  readonly volumes?: readonly {
    readonly type: string;
    readonly source?: string;
    readonly target: string;
    readonly read_only?: boolean;
    readonly bind?: { readonly selinux?: string; readonly create_host_path?: boolean };
    readonly volume?: object;
    readonly tmpfs?: object;
  }[];
  readonly healthcheck?: {
    readonly test?: readonly string[];
    readonly interval?: string;
    readonly timeout?: string;
    readonly retries?: number;
    readonly start_period?: string;
    readonly disable?: boolean;
  };
}

export interface ComposeConfig {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, Named | null>>;
  readonly networks?: Readonly<Record<string, Named | null>>;
}

export interface Named {
  readonly name?: string;
}

/** The name of a volume in the engine. @param key its name in the Compose files */
export const nameOfVolume = (key: string, volumes: Readonly<Record<string, Named | null>>): string =>
  volumes[key]?.name ?? key;

/** Compose writes `$` as `$$`. */
export const composed = (text: string): string => text.replaceAll('$$', '$');
