import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeDotEnv } from '../../../build/stack/dot-env.ts';
import { maskedConfiguration } from '../../../build/stack/masked.ts';

const shown = (dotEnv: string, config: unknown = {}): string => JSON.stringify(maskedConfiguration(dotEnv, config));

describe('maskedConfiguration', () => {
  it.each([
    'OPENCLAW_GATEWAY_TOKEN',
    'ANTHROPIC_API_KEY',
    'TELEGRAM_BOT_TOKEN',
    'DB_PASSWORD',
    'SLACK_SIGNING_SECRET',
    'CLAUDE_AI_SESSION_KEY',
    'CLAUDE_WEB_COOKIE',
    'AWS_SECRET_ACCESS_KEY',
  ])('masks %s', (name) => expect(shown(`${name}=hunter2hunter2\n`)).not.toContain('hunter2'));

  it.each([
    'PROXY=http://user:hunter2hunter2@proxy:3128/',
    'URL=https://host/x?access_token=hunter2hunter2&a=1',
    'NOTE=sk-ant-hunter2hunter2',
    'HOOK=xoxb-hunter2hunter2',
    '# OLD_TOKEN=hunter2hunter2',
    'DB_PASS=hunter2hunter2',
    'MYSQL_PWD=hunter2hunter2',
    'NPM_AUTH=hunter2hunter2',
    'HTTP_PROXY=user:hunter2hunter2@proxy:3128',
    'DB=postgres://u:hunter2/hunter2@host/db',
    'DB=postgres://u:p@hunter2@host/db',
    'HOOK=https://hooks.slack.com/services/T0/B0/hunter2hunter2',
  ])('masks the secret in %s', (line) => expect(shown(`${line}\n`)).not.toContain('hunter2'));

  it('masks secrets in openclaw.json by name, by form, and by the secrets in .env', () => {
    const config = {
      gateway: { auth: { mode: 'token', token: 'hunter2hunter2', password: 'hunter2hunter2' }, port: 18789 },
      channels: { slack: { botToken: 'xoxb-hunter2hunter2', accounts: [{ appToken: 'hunter2hunter2' }] } },
      models: { providers: { x: { apiKey: 'hunter2hunter2', baseUrl: 'https://a:hunter2hunter2@host/v1' } } },
      note: 'my token is elsewhere-1234',
      env: { KEYS: ['hunter2hunter2'] },
      diagnostics: { otel: { headers: { 'x-collector': 'hunter2hunter2' } } },
      mcp: { servers: { a: { args: ['--api-key', 'hunter2hunter2'], env: { FOO_PAT: 'hunter2hunter2' } } } },
      odd: { token: { id: 'hunter2hunter2' } },
    };
    const { config: masked } = maskedConfiguration('SOME_TOKEN=elsewhere-1234\n', config);
    const text = JSON.stringify(masked);
    expect(text).not.toMatch(/elsewhere-1234/);
    expect(text).not.toContain('hunter2');
    expect(masked).toMatchObject({ gateway: { auth: { mode: 'token', token: '********' }, port: 18789 } });
  });

  it('shows references, folders and settings', () => {
    const config = {
      gateway: { auth: { token: { source: 'env', provider: 'default', id: 'OPENCLAW_GATEWAY_TOKEN' } } },
    };
    expect(
      maskedConfiguration('OPENCLAW_AUTH_PROFILE_SECRET_DIR=/srv/keys\nOPENCLAW_GATEWAY_PORT=1\n', config),
    ).toEqual({
      dotEnv: 'OPENCLAW_AUTH_PROFILE_SECRET_DIR=/srv/keys\nOPENCLAW_GATEWAY_PORT=1\n',
      config,
    });
  });

  it('never shows a secret of .env, wherever it occurs', () => {
    const secret = fc.string({ minLength: 8, unit: fc.constantFrom(...'abcXYZ019-_$+/=') });
    fc.assert(
      fc.property(secret, (value) => {
        const dotEnv = changeDotEnv(
          '',
          new Map([
            ['A_TOKEN', value],
            ['OTHER', `see ${value}!`],
          ]),
        );
        expect(shown(dotEnv, { note: `x ${value} y`, list: [{ deep: value }] })).not.toContain(
          JSON.stringify(value).slice(1, -1),
        );
      }),
    );
  });
});
