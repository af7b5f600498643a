import { expect, it } from 'vitest';
import { onboardArguments } from '../../../build/stack/provider.ts';
import { docker } from '../../support/command.ts';

/** Not a real key. */
const KEY = 'sk-ant-api03-not-a-real-key-0123456789';

// Runs onboarding as setup does. interrupted-setup.test.ts covers the steps around it.
it('accepts a given API key without questions, and keeps it out of openclaw.json and the log', async () => {
  const args = onboardArguments(new Map([['ANTHROPIC_API_KEY', KEY]]), 'lan');
  expect(args.join('')).not.toContain("'");
  const onboard = `node dist/index.js ${args.map((arg) => `'${arg}'`).join(' ')}`;
  const { exitCode, stdout, stderr } = await docker(
    ...['run', '--rm', '--env', `ANTHROPIC_API_KEY=${KEY}`, '--env', 'OPENCLAW_GATEWAY_TOKEN=sesame'],
    ...[
      '--entrypoint',
      'sh',
      'openclaw:local',
      '-c',
      `${onboard} && echo CONFIGURATION && cat ~/.openclaw/openclaw.json`,
    ],
  );
  expect({ exitCode }, stdout + stderr).toEqual({ exitCode: 0 });
  expect(stdout + stderr).not.toContain(KEY);
  expect(JSON.parse(stdout.split('CONFIGURATION')[1] ?? '')).toMatchObject({
    wizard: { lastRunCommand: 'onboard' },
    gateway: { mode: 'local', bind: 'lan', auth: { token: { source: 'env', id: 'OPENCLAW_GATEWAY_TOKEN' } } },
    auth: { profiles: { 'anthropic:default': { provider: 'anthropic' } } },
  });
});
