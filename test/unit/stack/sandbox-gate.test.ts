import { describe, expect, it } from 'vitest';
import { decideSandbox, PREREQUISITES, type SandboxProbe, sandboxImage } from '../../../build/stack/sandbox-gate.ts';

const everything: SandboxProbe = {
  socket: '/run/user/1000/docker.sock',
  isSocket: true,
  group: 998,
  hasCli: true,
  answers: true,
  image: 'openclaw-sandbox:bookworm-slim',
  hasImage: true,
};
const bindOf = (bind: string): object => ({
  agents: { entries: { a: { sandbox: { docker: { binds: ['/data:/data', bind] } } } } },
});

describe('decideSandbox', () => {
  it('mounts the socket if all checks pass', () => {
    expect(decideSandbox(everything, bindOf('/srv:/srv:ro'))).toEqual({
      mounted: true,
      socket: '/run/user/1000/docker.sock',
      group: 998,
    });
  });

  it.each([
    ['docker-cli', { hasCli: false }, undefined],
    ['socket', { isSocket: false }, undefined],
    ['socket', { group: undefined }, undefined],
    ['socket-access', { answers: false }, undefined],
    ['sandbox-image', { hasImage: false }, undefined],
    ['no-socket-for-agents', {}, bindOf('/run/user/1000/docker.sock:/x')],
    ['no-socket-for-agents', {}, bindOf('/var/run/docker.sock:/var/run/docker.sock')],
    ['no-socket-for-agents', {}, bindOf('/run/user/:/x')],
    ['no-socket-for-agents', {}, { agents: { defaults: { sandbox: { browser: { binds: ['/var/run:/x'] } } } } }],
  ])('reports that %s failed', (failed, facts, config) => {
    expect(decideSandbox({ ...everything, ...facts }, config)).toEqual({
      mounted: false,
      failed,
      reason: expect.stringMatching(/./),
      hint: expect.stringMatching(/./),
    });
  });

  it('names the first failed check, in their order', () => {
    expect(PREREQUISITES.map(({ name }) => name)).toEqual([
      ...['docker-cli', 'socket', 'socket-access', 'sandbox-image', 'no-socket-for-agents'],
    ]);
    const nothing = { ...everything, isSocket: false, hasCli: false, answers: false, hasImage: false };
    expect(decideSandbox(nothing, undefined)).toMatchObject({ failed: 'docker-cli' });
  });

  it('uses the image in the configuration', () => {
    expect(sandboxImage(undefined)).toBe('openclaw-sandbox:bookworm-slim');
    expect(sandboxImage({ agents: { defaults: { sandbox: { docker: { image: 'mine:1' } } } } })).toBe('mine:1');
  });
});
