import { expect, it } from 'vitest';
import { hostPlatform, parsePlatform } from '../../../build/oci/platform.ts';

it.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['Linux/ARM64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/s390x', undefined],
  ['windows/amd64', undefined],
  ['amd64', undefined],
])('%s is %s', (text, platform) => {
  expect(parsePlatform(text)).toBe(platform);
});

it("maps Node's name of the processor to a platform", () => {
  expect(hostPlatform('x64')).toBe('linux/amd64');
  expect(hostPlatform('arm64')).toBe('linux/arm64');
});
