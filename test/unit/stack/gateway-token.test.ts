import { describe, expect, it } from 'vitest';
import { configWrites } from '../../../build/stack/gateway-config.ts';
import { chooseToken, loginProblem, otherCredential } from '../../../build/stack/gateway-token.ts';

/** `.env` beside openclaw.json. */
const BESIDE = 'BESIDE=beside\n';

describe('chooseToken', () => {
  const config = { gateway: { auth: { token: 'configured' } } };
  it.each([
    ['given', config, 'OPENCLAW_GATEWAY_TOKEN=kept\n', 'given', 'OPENCLAW_GATEWAY_TOKEN'],
    [undefined, config, 'OPENCLAW_GATEWAY_TOKEN=kept\n', 'configured', 'openclaw.json'],
    ['', undefined, 'OPENCLAW_GATEWAY_TOKEN=kept=\r\nOPENCLAW_GATEWAY_TOKEN=\r\n', 'kept=', '.env'],
    [undefined, { gateway: { auth: { token: '${OPENCLAW_GATEWAY_TOKEN}' } } }, '', 'new', undefined],
    [undefined, { gateway: { auth: { token: { source: 'env', id: 'X' } } } }, '', 'new', undefined],
    [undefined, { gateway: 1 }, '', 'new', undefined],
    [undefined, { gateway: { auth: { token: '${MINE}' } } }, 'OPENCLAW_GATEWAY_TOKEN=old\nMINE=mine\n', 'mine', '.env'],
    [undefined, { gateway: { auth: { token: 'two words' } } }, '', 'new', undefined],
    [undefined, { gateway: { auth: { token: '$MINE' } } }, 'MINE=mine\n', 'mine', '.env'],
    [undefined, { gateway: { auth: { token: 'secretref-env:MINE' } } }, 'MINE=mine\n', 'mine', '.env'],
    [undefined, { gateway: { auth: { token: 'prefix-${MINE}' } } }, 'MINE=mine\n', 'new', undefined],
    [undefined, { gateway: { $include: './gateway.json5' } }, '', 'new', undefined],
    [undefined, { gateway: { auth: { token: '${BESIDE}' } } }, '', 'beside', 'the .env beside openclaw.json'],
    [
      undefined,
      { gateway: { auth: { token: '${BESIDE}' } } },
      'OPENCLAW_GATEWAY_TOKEN=old\n',
      'beside',
      'the .env beside openclaw.json',
    ],
    [undefined, { env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'set' } } }, '', 'set', 'openclaw.json'],
    [undefined, { env: { OPENCLAW_GATEWAY_TOKEN: 'set' } }, '', 'set', 'openclaw.json'],
    // The gateway's environment counts more than its configuration.
    [undefined, { env: { OPENCLAW_GATEWAY_TOKEN: 'set' } }, 'OPENCLAW_GATEWAY_TOKEN=kept\n', 'kept', '.env'],
    [undefined, { env: { MINE: 'set' }, gateway: { auth: { token: '${MINE}' } } }, '', 'set', 'openclaw.json'],
    [
      undefined,
      { env: { OPENCLAW_GATEWAY_TOKEN: 'a', vars: { OPENCLAW_GATEWAY_TOKEN: 'b' } } },
      '',
      'a',
      'openclaw.json',
    ],
    // The gateway skips a reference. A token of two words cannot be sent.
    [undefined, { env: { vars: { OPENCLAW_GATEWAY_TOKEN: '${MY_TOKEN}' } } }, '', 'new', undefined],
    [undefined, { env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'two words' } } }, '', 'new', undefined],
    // The login for another gateway.
    [undefined, { gateway: { remote: { token: 'remote' } } }, '', 'new', undefined],
    [undefined, { gateway: { remote: { token: '${MINE}' } } }, '', 'new', undefined],
  ])('%j, %j, %j: %s', (given, configuration, dotEnv, value, from) =>
    expect(chooseToken(given, configuration, { dotEnv, besideConfig: BESIDE }, () => 'new')).toEqual({ value, from }),
  );
});

describe('otherCredential', () => {
  it.each([
    [{}, '', undefined],
    [{ token: 'plain' }, '', undefined],
    [{ token: '${OPENCLAW_GATEWAY_TOKEN}' }, '', undefined],
    [{ token: { source: 'env', id: 'OPENCLAW_GATEWAY_TOKEN' } }, '', undefined],
    [{ token: '${MINE}' }, 'MINE=mine\n', 'MINE in .env'],
    [{ token: '${MINE}' }, '', 'MINE, to which gateway.auth.token in openclaw.json refers'],
    [
      { token: { source: 'file', id: '/run/token' } },
      '',
      'the secret to which gateway.auth.token in openclaw.json refers',
    ],
    [{ token: 'two words' }, '', 'gateway.auth.token in openclaw.json'],
    [{ mode: 'password', password: 'x' }, '', 'the password: gateway.auth.password in openclaw.json'],
    [{ mode: 'password' }, '', 'the password: OPENCLAW_GATEWAY_PASSWORD'],
    [{ mode: 'token', password: 'x', token: 'plain' }, '', undefined],
    [{}, 'OPENCLAW_GATEWAY_PASSWORD=x\n', 'the password: OPENCLAW_GATEWAY_PASSWORD in .env'],
    [{ password: '${MINE}' }, 'MINE=x\n', 'the password: MINE in .env'],
    [
      { password: { source: 'exec', id: 'x' }, mode: 'password' },
      '',
      'the password: gateway.auth.password in openclaw.json',
    ],
    [{ password: { source: 'file', id: '/run/x' } }, '', 'the password: gateway.auth.password in openclaw.json'],
    [{ mode: 'trusted-proxy' }, '', 'no token: your proxy logs people in (gateway.auth.mode is trusted-proxy)'],
    [{ token: '$MINE' }, 'MINE=x\n', 'MINE in .env'],
    [{ token: '${MINE}' }, 'MINE=\n', 'MINE, to which gateway.auth.token in openclaw.json refers'],
    [{ token: '${BESIDE}' }, '', 'BESIDE in the .env beside openclaw.json'],
    [{ token: 'prefix-${MINE}' }, '', 'the secret to which gateway.auth.token in openclaw.json refers'],
    [{ $include: './auth.json5' }, '', 'the secret in the file that openclaw.json includes'],
  ])('of %j with %j is %s', (auth, dotEnv, expected) =>
    expect(otherCredential({ gateway: { auth } }, { dotEnv, besideConfig: BESIDE })).toBe(expected),
  );

  it('ignores a password that is only a reference, as the gateway does', () => {
    const config = { env: { vars: { OPENCLAW_GATEWAY_PASSWORD: '${MINE}' } } };
    expect(otherCredential(config, { dotEnv: '' })).toBeUndefined();
  });

  it("is a password in the user's Compose files, unless openclaw.json says that a token counts", () => {
    const files = { dotEnv: 'OPENCLAW_GATEWAY_TOKEN=t\n', hasComposePassword: true };
    expect(otherCredential({}, files)).toBe('the password: OPENCLAW_GATEWAY_PASSWORD of your Compose files');
    expect(otherCredential({ gateway: { auth: { mode: 'token' } } }, files)).toBeUndefined();
  });

  it('is a password that openclaw.json sets as a variable', () => {
    const config = { env: { vars: { OPENCLAW_GATEWAY_PASSWORD: 'x' } } };
    expect(otherCredential(config, { dotEnv: '' })).toBe('the password: OPENCLAW_GATEWAY_PASSWORD in openclaw.json');
  });
});

describe('a secret that is kept elsewhere', () => {
  const wanted = { bind: 'lan', port: 18789, token: 'ours', sandbox: undefined } as const;
  const paths = (auth: object, tokenGiven: boolean) =>
    configWrites({ gateway: { auth } }, { ...wanted, tokenGiven }).map(({ path }) => path);

  it.each([
    [{ token: '$MINE' }],
    [{ token: '${MINE}' }],
    [{ token: 'secretref-env:MINE' }],
    [{ token: '__env__:MINE' }],
    [{ token: 'prefix-${MINE}' }],
    [{ token: { source: 'file', id: '/run/token' } }],
    [{ token: { source: 'env', id: 'MINE' } }],
    [{ token: 'two words' }],
  ])('%j stays, unless another token is given', (auth) => {
    expect(paths(auth, false)).not.toContain('gateway.auth.token');
    expect(paths(auth, true)).toContain('gateway.auth.token');
  });

  it('an empty token stays beside a password: with both, the gateway does not start', () => {
    expect(paths({ token: '', password: 'x' }, false)).not.toContain('gateway.auth.token');
    expect(paths({ token: '' }, false)).toContain('gateway.auth.token');
  });

  it('a file that openclaw.json includes may have another one', () => {
    const config = { $include: './agents.json5' };
    expect(otherCredential(config, { dotEnv: 'OPENCLAW_GATEWAY_TOKEN=x\n' })).toMatch(
      /^OPENCLAW_GATEWAY_TOKEN in \.env, unless/,
    );
  });

  it.each([[{ token: '$OPENCLAW_GATEWAY_TOKEN' }], [{ token: 'ours' }], [{}]])('%j needs no write', (auth) => {
    expect(paths(auth, true)).not.toContain('gateway.auth.token');
  });
});

describe('a login with which the gateway does not start', () => {
  it.each([
    [{ mode: 'none' }, 'lan', 'lets anybody in'],
    [{ mode: 'none' }, 'loopback', undefined],
    [{ token: 'a', password: 'b' }, 'lan', 'both a token and a password'],
    [{ token: 'a', password: 'b', mode: 'token' }, 'lan', undefined],
    [{ token: '${EMPTY}' }, 'lan', 'refers to EMPTY, which is empty'],
    // An override of Compose may set it.
    [{ token: '${ELSEWHERE}' }, 'lan', undefined],
    [{ mode: 'trusted-proxy' }, 'lan', undefined],
  ])('%j with the bind %s: %s', (auth, bind, reason) => {
    const problem = loginProblem({ gateway: { auth } }, { dotEnv: 'EMPTY=\n' }, bind);
    if (reason === undefined) expect(problem).toBeUndefined();
    else expect(problem?.reason).toContain(reason);
  });

  it.each([
    ['given', {}, '', 'OPENCLAW_GATEWAY_TOKEN is given'],
    ['', { gateway: { auth: { token: 'x' } } }, '', 'gateway.auth.token is set'],
    ['', {}, 'OPENCLAW_GATEWAY_TOKEN=x\n', 'the .env beside openclaw.json has one'],
    ['', { env: { vars: { OPENCLAW_GATEWAY_TOKEN: 'x' } } }, '', 'env in openclaw.json has one'],
    ['', { env: { vars: { OPENCLAW_GATEWAY_TOKEN: '${X}' } } }, '', undefined],
  ])('trusted-proxy with a token: %j, %j, %j', (given, config, besideConfig, reason) => {
    const auth = { mode: 'trusted-proxy', ...('gateway' in config ? config.gateway.auth : {}) };
    const problem = loginProblem({ ...config, gateway: { auth } }, { dotEnv: '', besideConfig }, 'lan', given);
    if (reason === undefined) expect(problem).toBeUndefined();
    else expect(problem?.reason).toContain(reason);
  });
});
