import { describe, expect, it } from 'vitest';
import { startProblems } from '../../../build/stack/start-rules.ts';

const FILES = { dotEnv: '' };
const PROXY = { auth: { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-user' } }, trustedProxies: ['10.0.0.1'] };

describe('settings with which the gateway does not start', () => {
  it.each<[string, unknown, string, readonly string[]]>([
    ['lan', { tailscale: { mode: 'serve' } }, '', ['gateway.tailscale.mode: serve works only']],
    ['auto', { tailscale: { mode: 'serve' } }, '', ['gateway.tailscale.mode: serve works only']],
    ['loopback', { tailscale: { mode: 'serve' } }, '', []],
    ['tailnet', { tailscale: { mode: 'serve' } }, '', []],
    ['custom', { customBindHost: '127.0.0.2', tailscale: { mode: 'serve' } }, '', []],
    ['lan', { tailscale: { mode: 'off' } }, '', []],
    ['loopback', { tailscale: { mode: 'funnel' } }, '', ['gateway.tailscale.mode: funnel shows the gateway']],
    ['loopback', { tailscale: { mode: 'funnel' } }, 'OPENCLAW_GATEWAY_PASSWORD=p\n', []],
    ['loopback', { tailscale: { mode: 'funnel' }, auth: { $include: './a.json5' } }, '', []],
    [
      'loopback',
      { tailscale: { mode: 'serve' }, auth: { mode: 'none' } },
      '',
      ['gateway.tailscale.mode: serve does not'],
    ],
    ['lan', { auth: { mode: 'password' } }, '', ['gateway.auth.mode: password needs a password']],
    ['lan', { auth: { mode: 'password' } }, 'OPENCLAW_GATEWAY_PASSWORD=p\n', []],
    ['lan', { auth: { mode: 'password', password: 'p' } }, '', []],
    ['lan', { auth: { mode: 'password', password: '${P}' } }, '', []],
    ['lan', { auth: { mode: 'password', $include: './a.json5' } }, '', []],
    [
      'lan',
      { auth: { password: 'change-me-to-a-strong-password' } },
      '',
      ['the password of the gateway: change-me-to'],
    ],
    ['lan', { auth: { token: '__OPENCLAW_REDACTED__' } }, '', ['gateway.auth.token: __OPENCLAW_REDACTED__ is a']],
    ['lan', { auth: { mode: 'password', password: 'p', token: 'null' } }, '', []],
    // Each example is refused in its own place only.
    ['lan', { auth: { password: 'change-me-now' } }, '', []],
    [
      'lan',
      { auth: {} },
      'OPENCLAW_GATEWAY_PASSWORD=change-me-to-a-strong-password\n',
      ['the password of the gateway: change-me-to'],
    ],
    // Only the gateway can resolve these.
    ['custom', { customBindHost: '${BIND_IP}' }, '', []],
    ['custom', { customBindHost: { $include: './a.json5' } }, '', []],
    ['custom', { customBindHost: '${BIND_IP}', tailscale: { mode: 'serve' } }, '', []],
    ['loopback', { tailscale: { mode: 'funnel' }, auth: { mode: '${MODE}' } }, '', []],
    ['lan', { auth: { mode: 'password' }, remote: { password: 'p' } }, '', []],
    ['lan', { ...PROXY, trustedProxies: { $include: './a.json5' } }, '', []],
    ['lan', { ...PROXY, auth: { mode: 'trusted-proxy', trustedProxy: { $include: './a.json5' } } }, '', []],
    ['lan', PROXY, '', []],
    ['lan', { ...PROXY, trustedProxies: [] }, '', ['gateway.auth.mode: trusted-proxy needs the address']],
    ['lan', { ...PROXY, auth: { mode: 'trusted-proxy' } }, '', ['gateway.auth.mode: trusted-proxy needs the header']],
  ])('%s, %j, .env %j', (bind, gateway, dotEnv, expected) => {
    const problems = startProblems(bind, { gateway }, { dotEnv }, false).map(
      ({ source, value, reason }) => `${source.replace('openclaw.json: ', '')}: ${value} ${reason}`,
    );
    expect(problems).toHaveLength(expected.length);
    for (const [index, text] of expected.entries()) expect(problems[index]).toContain(text);
  });

  it('a Compose file of the user may set a password', () => {
    expect(startProblems('lan', { gateway: { auth: { mode: 'password' } } }, FILES, true)).toEqual([]);
    expect(startProblems('loopback', { gateway: { tailscale: { mode: 'funnel' } } }, FILES, true)).toEqual([]);
  });

  it('an included file may set a password', () => {
    const config = { env: { vars: { $include: './a.json5' } }, gateway: { tailscale: { mode: 'funnel' } } };
    expect(startProblems('loopback', config, FILES, false)).toEqual([]);
  });

  it('a given token replaces a placeholder', () => {
    const config = { gateway: { auth: { token: 'change-me-now' } } };
    expect(startProblems('lan', config, FILES, false).map(({ value }) => value)).toEqual(['change-me-now']);
    expect(startProblems('lan', config, FILES, false, 'good')).toEqual([]);
  });

  it('a password in env of openclaw.json counts', () => {
    const config = { env: { OPENCLAW_GATEWAY_PASSWORD: 'p' }, gateway: { auth: { mode: 'password' } } };
    expect(startProblems('lan', config, FILES, false)).toEqual([]);
  });

  it('says what a bind needs', () => {
    expect(startProblems('custom', {}, FILES, false)).toEqual([
      {
        source: 'OPENCLAW_GATEWAY_BIND',
        value: 'custom',
        reason: 'needs an IPv4 address: gateway.customBindHost in openclaw.json is not set',
        hint: 'set it to an address of the container, such as 0.0.0.0, or use OPENCLAW_GATEWAY_BIND=lan',
      },
    ]);
  });
});
