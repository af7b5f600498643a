import { describe, expect, it } from 'vitest';
import { configWrites } from '../../../build/stack/gateway-config.ts';

const SETTINGS = { bind: 'lan', port: 28789, token: 'T', sandbox: undefined } as const;
const origins = ['http://localhost:28789', 'http://127.0.0.1:28789'];
const pinned = { gateway: { mode: 'local', bind: 'lan', controlUi: { allowedOrigins: origins } } };
const gateway = (more: object): object => ({ gateway: { ...pinned.gateway, ...more } });

describe('configWrites', () => {
  it('sets all keys in an empty configuration', () => {
    expect(configWrites(undefined, SETTINGS)).toEqual([
      { path: 'gateway.mode', value: 'local' },
      { path: 'gateway.bind', value: 'lan' },
      { path: 'gateway.controlUi.allowedOrigins', value: origins },
    ]);
  });

  it.each([
    ['nothing where it is so already', pinned, SETTINGS, []],
    [
      'no origins for a loopback',
      { gateway: { mode: 'local', bind: 'loopback' } },
      { ...SETTINGS, bind: 'loopback' },
      [],
    ],
    ["not over the user's own origins", gateway({ controlUi: { allowedOrigins: ['https://my.host'] } }), SETTINGS, []],
    [
      'its own origins of another port',
      gateway({ controlUi: { allowedOrigins: ['http://localhost:1', 'http://127.0.0.1:1'] } }),
      SETTINGS,
      [{ path: 'gateway.controlUi.allowedOrigins', value: origins }],
    ],
    [
      'https origins for a gateway with a certificate',
      gateway({ tls: { enabled: true } }),
      SETTINGS,
      [
        {
          path: 'gateway.controlUi.allowedOrigins',
          value: ['https://localhost:28789', 'https://127.0.0.1:28789'],
        },
      ],
    ],
    [
      'http origins again without the certificate',
      gateway({ controlUi: { allowedOrigins: ['https://localhost:28789', 'https://127.0.0.1:28789'] } }),
      SETTINGS,
      [{ path: 'gateway.controlUi.allowedOrigins', value: origins }],
    ],
    [
      'a reference over another token, and never the token itself',
      gateway({ auth: { token: 'other' } }),
      SETTINGS,
      [{ path: 'gateway.auth.token', ref: { source: 'env', provider: 'default', id: 'OPENCLAW_GATEWAY_TOKEN' } }],
    ],
    [
      "the origins of the new port, and the user's own beside them",
      gateway({ controlUi: { allowedOrigins: ['http://localhost:1', 'http://127.0.0.1:1', 'https://my.host'] } }),
      SETTINGS,
      [{ path: 'gateway.controlUi.allowedOrigins', value: [...origins, 'https://my.host'] }],
    ],
    [
      'the origins of the variable beside its own',
      pinned,
      { ...SETTINGS, origins: ['https://proxy.host'] },
      [{ path: 'gateway.controlUi.allowedOrigins', value: [...origins, 'https://proxy.host'] }],
    ],
    [
      'another origin of the variable instead of the former one, and keeps those of the file',
      gateway({ controlUi: { allowedOrigins: [...origins, 'https://old.host', 'https://my.host'] } }),
      { ...SETTINGS, origins: ['https://proxy.host'], former: { port: 28789, origins: ['https://old.host'] } },
      [{ path: 'gateway.controlUi.allowedOrigins', value: [...origins, 'https://proxy.host', 'https://my.host'] }],
    ],
    [
      "the origins of the variable after the user's own",
      gateway({ controlUi: { allowedOrigins: ['https://my.host'] } }),
      { ...SETTINGS, origins: ['https://proxy.host'] },
      [{ path: 'gateway.controlUi.allowedOrigins', value: ['https://my.host', 'https://proxy.host'] }],
    ],
    [
      'no origin any more after the variable was removed',
      { gateway: { mode: 'local', bind: 'loopback', controlUi: { allowedOrigins: ['https://old.host'] } } },
      { ...SETTINGS, bind: 'loopback', former: { port: 28789, origins: ['https://old.host'] } },
      [{ path: 'gateway.controlUi.allowedOrigins', value: [] }],
    ],
    [
      'its own origins after a loopback had those of the variable only',
      gateway({ controlUi: { allowedOrigins: ['https://proxy.host'] } }),
      { ...SETTINGS, origins: ['https://proxy.host'], former: { port: 28789, origins: ['https://proxy.host'] } },
      [{ path: 'gateway.controlUi.allowedOrigins', value: [...origins, 'https://proxy.host'] }],
    ],
    [
      "the new port in the user's own list too",
      gateway({ controlUi: { allowedOrigins: ['https://my.host', 'http://localhost:1', 'http://127.0.0.1:1'] } }),
      { ...SETTINGS, former: { port: 1, origins: [] } },
      [{ path: 'gateway.controlUi.allowedOrigins', value: ['https://my.host', ...origins] }],
    ],
    [
      'nothing over the same origins in another order',
      gateway({ controlUi: { allowedOrigins: ['https://my.host', ...origins] } }),
      SETTINGS,
      [],
    ],
    [
      'a reference over an empty token',
      gateway({ auth: { token: ' ' } }),
      SETTINGS,
      [{ path: 'gateway.auth.token', ref: { source: 'env', provider: 'default', id: 'OPENCLAW_GATEWAY_TOKEN' } }],
    ],
    ['nothing over another variable', gateway({ auth: { token: '${MY_TOKEN}' } }), SETTINGS, []],
    ['nothing over a token that cannot be in .env', gateway({ auth: { token: 'two words' } }), SETTINGS, []],
    [
      'a given token over another variable',
      gateway({ auth: { token: '${MY_TOKEN}' } }),
      { ...SETTINGS, tokenGiven: true },
      [{ path: 'gateway.auth.token', ref: { source: 'env', provider: 'default', id: 'OPENCLAW_GATEWAY_TOKEN' } }],
    ],
    ['nothing over the same token', gateway({ auth: { token: 'T' } }), SETTINGS, []],
    ['nothing over a reference', gateway({ auth: { token: { source: 'env', id: 'X' } } }), SETTINGS, []],
    [
      'off over a mode',
      { ...pinned, agents: { defaults: { sandbox: { mode: 'all' } } } },
      { ...SETTINGS, sandbox: 'off' },
      [{ path: 'agents.defaults.sandbox.mode', value: 'off' }],
    ],
    ['no off without a mode', pinned, { ...SETTINGS, sandbox: 'off' }, []],
    [
      "the user's own mode stays on",
      { ...pinned, agents: { defaults: { sandbox: { mode: 'all' } } } },
      { ...SETTINGS, sandbox: 'on' },
      [],
    ],
    [
      'on',
      { ...pinned, agents: { defaults: { sandbox: { mode: 'off', scope: 'shared' } } } },
      { ...SETTINGS, sandbox: 'on' },
      [{ path: 'agents.defaults.sandbox.mode', value: 'non-main' }],
    ],
  ] as const)('writes %s', (_, config, want, writes) => expect(configWrites(config, want)).toEqual(writes));
});
