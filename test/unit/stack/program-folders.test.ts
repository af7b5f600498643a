import { expect, it } from 'vitest';
import { isOfOtherProgram } from '../../../build/stack/program-folders.ts';

it.each([
  ...[
    '/home/me/.ssh/',
    '/home/me/.gnupg/',
    '/home/me/.oci/',
    '/home/me/.vault/x/',
    '/home/me/.terraform.d/',
    '/h/.claude/',
  ],
  ...[
    '/home/me/.config/gcloud/',
    '/home/me/.config/',
    '/home/me/.local/',
    '/home/me/.local/bin/',
    '/home/me/.var/app/',
  ],
  ...['/srv/project/.git/', '/Users/x/Library/Keychains/', '/Users/x/Library/Application Support/Signal/'],
])('%s belongs to another program', (folder) => {
  expect(isOfOtherProgram(folder)).toBe(true);
});

it.each([
  ...['/home/me/.openclaw/', '/home/me/.clawdbot/', '/home/me/.config/openclaw/', '/home/me/.local/share/moltbot/'],
  ...['/srv/.stacks/gateway/', '/home/me/.terraformd/', '/home/me/oci/', '/home/me/.sshd-gateway/'],
  '/Users/x/Library/Application Support/OpenClaw/',
])('%s can be given to the gateway', (folder) => {
  expect(isOfOtherProgram(folder)).toBe(false);
});
