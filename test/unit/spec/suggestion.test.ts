import { expect, it } from 'vitest';
import { closest } from '../../../build/spec/suggestion.ts';

const IDS = ['slack', 'matrix', 'discord', 'synology-chat', 'telegram', 'googlechat'];

it.each([
  ['slak', ['slack']],
  ['slcak', ['slack']],
  ['discrod', ['discord']],
  ['chat', ['googlechat', 'synology-chat']],
  ['zzzzzzzz', []],
])('near %s are %j', (word, near) => {
  expect(closest(word, IDS)).toEqual(near);
});
