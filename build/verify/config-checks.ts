import { passIf, passIfNone } from '../check-result.ts';
import type { Check } from './check.ts';

const list = (words: readonly string[] | undefined): string => JSON.stringify(words ?? []);
const environment = (entries: readonly string[] | undefined): ReadonlyMap<string, string> =>
  new Map((entries ?? []).map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));

const ENTRYPOINT = ['tini', '-s', '--'];
const COMMAND = ['node', 'openclaw.mjs', 'gateway', '--allow-unconfigured'];
const PROGRAMS = '/home/node/.local/bin';
const ENVIRONMENT = { NODE_ENV: 'production', HOME: '/home/node', NPM_CONFIG_PREFIX: '/home/node/.local' } as const;
/** A cold start of 22 s was measured on two cores; 15 s was reported as too short. */
const SHORTEST_START_PERIOD = 60;
const HOST_VARIABLES =
  /^(?:https?_proxy|no_proxy|all_proxy|ftp_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|PIP_INDEX_URL|PIP_CERT|npm_config_(?!prefix$).*|.*(?:TOKEN|SECRET|PASSWORD|API_KEY).*)$/i;

/** Checks of the image's config. */
export const CONFIG_CHECKS: readonly Check[] = [
  {
    name: 'entrypoint',
    row: 'init',
    requires: '`ENTRYPOINT ["tini","-s","--"]`',
    why: 'tini reaps orphaned processes and passes signals on to the gateway.',
    fix: 'Keep the ENTRYPOINT of the rendered Dockerfile.',
    run: ({ config }) =>
      passIf(list(config.config?.Entrypoint) === list(ENTRYPOINT), list(config.config?.Entrypoint), list(ENTRYPOINT)),
  },
  {
    name: 'command',
    row: 'command',
    requires: '`CMD ["node","openclaw.mjs","gateway","--allow-unconfigured"]`',
    why: 'A container without arguments starts the gateway, even before it is configured.',
    fix: 'Keep the CMD of the rendered Dockerfile.',
    run: ({ config }) => passIf(list(config.config?.Cmd) === list(COMMAND), list(config.config?.Cmd), list(COMMAND)),
  },
  {
    name: 'user',
    row: 'user',
    requires: '`USER 1000:1000`, as a number',
    why: 'The gateway runs programs for its agents, so it must not be root. Kubernetes refuses names with `runAsNonRoot`.',
    fix: 'End the Dockerfile with `USER 1000:1000`.',
    run: ({ config }) => {
      const user = config.config?.User ?? '';
      return passIf(/^1000(?::1000)?$/.test(user), user === '' ? 'root' : user, '1000:1000');
    },
  },
  {
    name: 'workdir',
    row: 'user',
    requires: '`WORKDIR /app`',
    why: 'The command names `openclaw.mjs` relative to `/app`.',
    fix: 'Keep the WORKDIR of the rendered Dockerfile.',
    run: ({ config }) => passIf(config.config?.WorkingDir === '/app', config.config?.WorkingDir ?? '/', '/app'),
  },
  {
    name: 'environment',
    row: 'user',
    requires:
      '`NODE_ENV=production`, `HOME=/home/node`, `NPM_CONFIG_PREFIX=/home/node/.local`; `/home/node/.local/bin` on `PATH`',
    why: 'Skills install programs into the home, also with `npm install --global`. A user without an account has no other home.',
    fix: 'Keep the ENV of the rendered Dockerfile.',
    run: ({ config }) => {
      const variables = environment(config.config?.Env);
      const wrong = Object.entries(ENVIRONMENT).filter(([name, value]) => variables.get(name) !== value);
      const onPath = variables.get('PATH')?.split(':').includes(PROGRAMS) === true;
      const found = [
        ...wrong.map(([name]) => `${name} ${variables.get(name) ?? 'unset'}`),
        ...(onPath ? [] : [`no ${PROGRAMS} on PATH`]),
      ];
      const expected = `${Object.entries(ENVIRONMENT)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}, ${PROGRAMS} on PATH`;
      return passIfNone(found, expected, expected);
    },
  },
  {
    name: 'healthcheck',
    hiddenByPodman: 'health check',
    row: 'health',
    requires: 'a `HEALTHCHECK` on `/healthz` with a start period of at least 60 s',
    why: 'A shorter start period reports a slow cold start as unhealthy.',
    fix: 'Keep the HEALTHCHECK of the rendered Dockerfile.',
    run: ({ config }) => {
      const { Test: test = [], StartPeriod: start = 0 } = config.config?.Healthcheck ?? {};
      const period = start / 1e9;
      return passIf(
        test.join(' ').includes('/healthz') && period >= SHORTEST_START_PERIOD,
        test.length === 0
          ? 'none'
          : `${test.join(' ').includes('/healthz') ? 'requests /healthz' : 'does not request /healthz'}, start period ${period} s`,
        `requests /healthz, start period of ${SHORTEST_START_PERIOD} s or more`,
      );
    },
  },
  {
    name: 'no-build-settings',
    row: 'absent',
    requires: 'no secret, proxy or certificate setting among the environment variables',
    why: 'Everyone who pulls the image can read its environment.',
    fix: 'Pass such settings as build secrets or predefined build arguments, never with ENV.',
    run: ({ config }) => {
      const settings = [...environment(config.config?.Env).keys()].filter((name) => HOST_VARIABLES.test(name));
      const none = 'no secret, proxy or CA in the environment';
      return passIfNone(settings, none, none);
    },
  },
];
