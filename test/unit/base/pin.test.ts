import { expect, it } from 'vitest';
import { parsePin, readPin } from '../../../build/base/pin.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

it('reads the committed pin: an official Node, by digest', () => {
  const { from, reference } = readPin();
  expect(reference).toMatchObject({ registry: 'docker.io', repository: 'library/node', tag: '24-bookworm-slim' });
  expect(from).toContain(reference.digest);
});

it('reads the pin of the sandboxes', () => {
  expect(readPin('sandbox-base.Dockerfile').reference).toMatchObject({
    repository: 'library/debian',
    tag: 'bookworm-slim',
  });
});

it('reads what Dependabot writes', () => {
  expect(parsePin(`# why\nFROM node:24.19.0-bookworm-slim@${DIGEST}\n`, 'base.Dockerfile').reference).toMatchObject({
    tag: '24.19.0-bookworm-slim',
    digest: DIGEST,
  });
});

it.each([
  ['no digest', 'FROM node:24\n'],
  ['two bases', `FROM node@${DIGEST}\nFROM node@${DIGEST}\n`],
  ['no base', '# nothing\n'],
])('refuses a file with %s', (_, text) => {
  expect(() => parsePin(text, 'base.Dockerfile')).toThrow('base.Dockerfile');
});
