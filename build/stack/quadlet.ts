import { type Problem, RequestError } from '../problem.ts';
import { secondsOf } from '../units.ts';
import { type ComposeConfig, composed, type Named, nameOfVolume, type Service } from './compose-config.ts';
import { shownValue, unprintable } from './path-rule.ts';

/** Keys of a service that the unit has in another form, or does not need: systemd restarts it, and journald keeps its log. */
const OTHER_FORM = new Set(['container_name', 'env_file', 'logging', 'profiles', 'restart', 'stdin_open', 'tty']);
/** Keys of a service that the unit has. */
const KNOWN: ReadonlySet<string> = new Set<keyof Service>([
  ...([
    'image',
    'command',
    'entrypoint',
    'environment',
    'user',
    'group_add',
    'userns_mode',
    'hostname',
    'init',
    'read_only',
  ] as const),
  ...([
    'cap_add',
    'cap_drop',
    'security_opt',
    'pids_limit',
    'mem_limit',
    'extra_hosts',
    'dns',
    'tmpfs',
    'labels',
  ] as const),
  ...(['stop_grace_period', 'ports', 'volumes', 'healthcheck', 'networks', 'depends_on'] as const),
]);

export interface Quadlet {
  /** Text of the `.container` file. */
  readonly unit: string;
  /** Text of the file with the container's environment: tokens and keys. */
  readonly environment: string;
}

/**
 * The gateway as a unit of systemd, for Podman's generator: the same mounts, environment, restrictions and health check as with Compose.
 * Source: podman-systemd.unit(5)
 *
 * @param config output of `docker compose config --format json`
 * @param options `image`: its full name; `environmentFile`: path of the file with the environment; `labels` of the container, so that
 *   setup and ClawDock find it
 * @throws RequestError for a setting of the user's Compose files that the unit cannot have
 */
export function quadletOf(
  config: string,
  options: {
    readonly image: string;
    readonly name: string;
    readonly environmentFile: string;
    readonly labels: Readonly<Record<string, string>>;
  },
): Quadlet {
  const { services, volumes = {}, networks = {} } = JSON.parse(config) as ComposeConfig;
  const service = services['openclaw-gateway'];
  if (service === undefined) throw new Error('the Compose files have no service openclaw-gateway');
  const environment = Object.entries(service.environment ?? {}).flatMap(([name, value]) =>
    value === null ? [] : [[name, composed(value)] as const],
  );
  const problems = [...unknownKeys(service), ...unknownVolumes(service), ...multilineValues(environment)];
  if (problems.length > 0) throw new RequestError(problems);
  const lines = containerLines(service, { volumes, networks }).map(
    ([key, value]) => `${key}=${escaped(composed(value))}`,
  );
  const labels = Object.entries(service.labels ?? {}).map(([name, value]): [string, string] => [name, composed(value)]);
  const seconds = secondsOf(service.stop_grace_period ?? '10s');
  const unit = `# Written by scripts/docker/setup.sh --quadlet, from the Compose files and .env. After a change there, run setup.sh, and then this again.
[Unit]
Description=OpenClaw Gateway

[Container]
Image=${escaped(options.image)}
ContainerName=${options.name}
${[...labels, ...Object.entries(options.labels)].map(([name, value]) => `Label=${escaped(word(`${name}=${value}`))}`).join('\n')}
EnvironmentFile=${escaped(word(options.environmentFile))}
${lines.join('\n')}
StopTimeout=${seconds}

[Service]
# Setup stops the gateway for an update, and systemd must not start it again meanwhile.
Restart=on-failure
# A first start from a slow disk takes minutes.
TimeoutStartSec=900
TimeoutStopSec=${seconds + 10}

[Install]
WantedBy=default.target
`;
  const values = [
    ...lines,
    ...labels.flat(),
    ...Object.values(options.labels),
    options.image,
    options.name,
    options.environmentFile,
  ];
  // A line end would begin another line, which systemd obeys.
  const broken = values.flatMap((value) => {
    const problem = unprintable(value);
    return problem === undefined ? [] : [{ source: 'Compose files', value: shownValue(value), ...problem }];
  });
  if (broken.length > 0) throw new RequestError(broken);
  return {
    unit,
    environment: environment.map(([name, value]) => `${name}=${value}\n`).join(''),
  };
}

function containerLines(
  service: Service,
  { volumes, networks }: Required<Pick<ComposeConfig, 'volumes' | 'networks'>>,
): readonly (readonly [string, string])[] {
  const [user = '', group] = service.user.split(':');
  const { healthcheck: health = {} } = service;
  const options = service.security_opt ?? [];
  const optional = (key: string, value: string | number | undefined): readonly (readonly [string, string])[] =>
    value === undefined || `${value}` === '' ? [] : [[key, `${value}`]];
  const each = (key: string, values: readonly string[] | undefined): readonly (readonly [string, string])[] =>
    (values ?? []).map((value) => [key, value]);
  return [
    ['HostName', service.hostname],
    ['User', user],
    ...optional('Group', group),
    ...each('GroupAdd', service.group_add),
    ...optional('UserNS', service.userns_mode),
    ...each(
      'Network',
      Object.keys(service.networks ?? {}).map((network) => networks[network]?.name ?? network),
    ),
    ...each(
      'Volume',
      service.volumes?.filter(({ type }) => type !== 'tmpfs').map((volume) => volumeOf(volume, volumes)),
    ),
    ...each(
      'Tmpfs',
      service.volumes?.filter(({ type }) => type === 'tmpfs').map(({ target }) => target),
    ),
    ...each('PublishPort', service.ports?.map(portOf)),
    ...each(
      'AddHost',
      service.extra_hosts?.map((host) => host.replace('=', ':')),
    ),
    ...each('DNS', service.dns),
    ...each('Tmpfs', service.tmpfs),
    ...each('AddCapability', service.cap_add),
    ...each('DropCapability', service.cap_drop),
    ['NoNewPrivileges', String(options.includes('no-new-privileges:true'))],
    ...each(
      'PodmanArgs',
      options.filter((option) => option !== 'no-new-privileges:true').map((option) => word(`--security-opt=${option}`)),
    ),
    ...optional('PidsLimit', service.pids_limit),
    ...(isLimit(service.mem_limit) ? [['PodmanArgs', `--memory=${service.mem_limit}`] as const] : []),
    ...(service.read_only === true ? [['ReadOnly', 'true'] as const] : []),
    ...(service.init === true ? [['RunInit', 'true'] as const] : []),
    ...(health.disable === true || health.test === undefined || health.test[0] === 'NONE'
      ? [['HealthCmd', 'none'] as const]
      : [
          // Podman reads a list as the words of a command, and a text as a line of a shell.
          [
            'HealthCmd',
            health.test[0] === 'CMD' ? JSON.stringify(health.test.slice(1)) : health.test.slice(1).join(' '),
          ] as const,
          ...optional('HealthInterval', health.interval),
          ...optional('HealthTimeout', health.timeout),
          ...optional('HealthRetries', health.retries),
          ...optional('HealthStartPeriod', health.start_period),
        ]),
    ...(service.entrypoint == null ? [] : [['Entrypoint', JSON.stringify(service.entrypoint)] as const]),
    ...(service.command === null ? [] : [['Exec', service.command.map(word).join(' ')] as const]),
  ];
}

const isLimit = (limit: number | string | undefined): boolean => limit !== undefined && `${limit}` !== '0';

/** `/srv/media:/media:ro,z` */
function volumeOf(
  { type, source = '', target, read_only, bind }: NonNullable<Service['volumes']>[number],
  volumes: Readonly<Record<string, Named | null>>,
): string {
  const options = [...(read_only === true ? ['ro'] : []), ...(bind?.selinux === undefined ? [] : [bind.selinux])];
  const from = type === 'volume' ? nameOfVolume(source, volumes) : source;
  // Without a source, Podman makes a volume without a name, as Compose does.
  return [...(from === '' ? [] : [from]), target, ...(options.length === 0 ? [] : [options.join(',')])].join(':');
}

/** `127.0.0.1:18789:18789` */
const portOf = ({ target, published = '', protocol = 'tcp', host_ip }: NonNullable<Service['ports']>[number]): string =>
  [
    ...(host_ip === undefined ? [] : [host_ip.includes(':') ? `[${host_ip}]` : host_ip]),
    ...(published === '' ? [] : [published]),
    target,
  ].join(':') + (protocol === 'tcp' ? '' : `/${protocol}`);

/** systemd expands `%n` and `$NAME`. Source: systemd.unit(5), "Specifiers"; systemd.service(5), "Command lines" */
const escaped = (text: string): string => text.replaceAll('%', '%%').replaceAll('$', '$$$$');

/** One word of a command line of systemd. */
const word = (text: string): string =>
  /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** Sub-options of volumes that the unit does not have. */
function unknownVolumes({ volumes = [] }: Service): readonly Problem[] {
  return volumes
    .filter(({ type, bind = {}, volume = {}, tmpfs = {} }) => {
      const options = Object.keys(bind).filter((key) => key !== 'selinux' && key !== 'create_host_path');
      return (
        !['bind', 'volume', 'tmpfs'].includes(type) ||
        options.length + Object.keys(volume).length + Object.keys(tmpfs).length > 0
      );
    })
    .map(({ target }) => ({
      source: 'Compose files',
      value: target,
      reason: 'is a mount with an option that setup cannot write into a unit',
      hint: 'remove the option from your override, or keep the gateway in Compose',
    }));
}

function unknownKeys(service: Service): readonly Problem[] {
  const others = Object.keys(service.depends_on ?? {}).filter((name) => name !== 'openclaw-folders');
  return [
    ...Object.keys(service).filter((key) => !KNOWN.has(key) && !OTHER_FORM.has(key)),
    ...others.map((name) => `depends_on: ${name}`),
    // Compose writes null, or an empty object, for a network without options.
    ...Object.entries(service.networks ?? {})
      .filter(([, options]) => Object.keys(options ?? {}).length > 0)
      .map(([name, options]) => `networks: ${name}: ${Object.keys(options ?? {}).join(', ')}`),
  ].map((key) => ({
    source: 'Compose files',
    value: key,
    reason: 'of the gateway is a setting that setup cannot write into a unit',
    hint: 'remove it from your override, or keep the gateway in Compose',
  }));
}

/** A line of the file is a variable. */
const multilineValues = (environment: readonly (readonly [string, string])[]): readonly Problem[] =>
  environment
    .filter(([, value]) => /[\r\n]/.test(value))
    .map(([name]) => ({
      source: name,
      value: '(not shown)',
      reason: 'has several lines, which a unit cannot pass on',
      hint: 'give it one line, or keep the gateway in Compose',
    }));
