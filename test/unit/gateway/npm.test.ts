import { expect, it } from 'vitest';
import { npmSecret } from '../../../build/gateway/npm.ts';

const NPM = {
  registry: 'https://someone:secret@npm.example.org/',
  '@mine:registry': 'https://mine.example.org/',
  '//npm.example.org/:_authToken': 'secret',
  '//mine.example.org/:_password': 'secret',
};

it('gives tokens to steps that fetch, and none to steps that run code of other people', async () => {
  expect(await npmSecret(NPM as never, 'registry and tokens')).toContain('//npm.example.org/:_authToken=secret\n');
  expect(await npmSecret(NPM as never, 'registry')).toBe(
    'registry=https://npm.example.org/\n@mine:registry=https://mine.example.org/\n',
  );
});
