import { expect, it } from 'vitest';
import { gatewayMounts } from '../../../build/stack/gateway-mounts.ts';

it('reads the mounts of the gateway from the output of Compose', () => {
  const config = {
    services: {
      'openclaw-gateway': {
        volumes: [
          { type: 'bind', source: '/srv/a $$b', target: '/home/node/.openclaw', bind: { selinux: 'z' } },
          { type: 'volume', source: 'home', target: '/home/node' },
          { type: 'volume', target: '/cache' },
          { type: 'tmpfs', target: '/tmp' },
          { type: 'bind', source: '/srv/a|b', target: '/mnt' },
        ],
      },
    },
    volumes: { home: { name: 'claw_home' } },
  };
  expect(gatewayMounts(JSON.stringify(config))).toEqual([
    'bind|/srv/a $b|/home/node/.openclaw|',
    'volume||/home/node|claw_home',
  ]);
});
