import { type Check, expect } from './check.ts';

const list = (words: readonly string[] | undefined): string => JSON.stringify(words ?? []);
const environment = (entries: readonly string[] | undefined): ReadonlyMap<string, string> =>
  new Map((entries ?? []).map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]));

const ENTRYPOINT = ['tini', '-s', '--'];
const COMMAND = ['node', 'openclaw.mjs', 'gateway', '--allow-unconfigured'];
/** A cold start of 22 s was measured on two cores; 15 s was reported as too short. */
const SHORTEST_START_PERIOD = 60;
const HOST_VARIABLES =
  /^(?:https?_proxy|no_proxy|all_proxy|ftp_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|PIP_INDEX_URL|PIP_CERT|npm_config_.*|.*(?:TOKEN|SECRET|PASSWORD|API_KEY).*)$/i;

/** Checks of the image's config. */
export const CONFIG_CHECKS: readonly Check[] = [
  {
    name: 'entrypoint',
    row: 'init',
    run: ({ config }) =>
      expect(list(config.config?.Entrypoint) === list(ENTRYPOINT), list(config.config?.Entrypoint), list(ENTRYPOINT)),
  },
  {
    name: 'command',
    row: 'command',
    run: ({ config }) => expect(list(config.config?.Cmd) === list(COMMAND), list(config.config?.Cmd), list(COMMAND)),
  },
  {
    name: 'user',
    row: 'user',
    run: ({ config }) => {
      const user = config.config?.User ?? '';
      return expect(/^(?:node|1000)(?::(?:node|1000))?$/.test(user), user === '' ? 'root' : user, 'node');
    },
  },
  {
    name: 'workdir',
    row: 'user',
    run: ({ config }) => expect(config.config?.WorkingDir === '/app', config.config?.WorkingDir ?? '/', '/app'),
  },
  {
    name: 'environment',
    row: 'user',
    run: ({ config }) => {
      const variables = environment(config.config?.Env);
      const path = variables.get('PATH')?.split(':') ?? [];
      const node = variables.get('NODE_ENV') ?? 'unset';
      return expect(
        node === 'production' && path.includes('/home/node/.local/bin'),
        `NODE_ENV ${node}, ${path.includes('/home/node/.local/bin') ? '' : 'no '}/home/node/.local/bin on PATH`,
        'NODE_ENV production, /home/node/.local/bin on PATH',
      );
    },
  },
  {
    name: 'healthcheck',
    row: 'health',
    run: ({ config }) => {
      const { Test: test = [], StartPeriod: start = 0 } = config.config?.Healthcheck ?? {};
      const period = start / 1e9;
      return expect(
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
    run: ({ config }) => {
      const left = [...environment(config.config?.Env).keys()].filter((name) => HOST_VARIABLES.test(name));
      return expect(
        left.length === 0,
        left.length === 0 ? 'no secret, proxy or CA in the environment' : left.join(', '),
        'no secret, proxy or CA in the environment',
      );
    },
  },
];
