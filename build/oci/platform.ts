/** A platform of the gateway's image, as in OCI image indexes (`linux/amd64`). */
export type Platform = 'linux/amd64' | 'linux/arm64';

export const PLATFORMS: readonly Platform[] = ['linux/amd64', 'linux/arm64'];

/** The names of each architecture in Debian, npm and QEMU. */
export const ARCHITECTURE_NAMES = {
  'linux/amd64': { debian: 'amd64', node: 'x64', qemu: 'x86_64' },
  'linux/arm64': { debian: 'arm64', node: 'arm64', qemu: 'aarch64' },
} as const satisfies Record<Platform, { debian: string; node: string; qemu: string }>;

const ALIASES: ReadonlyMap<string, Platform> = new Map([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/arm64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/aarch64', 'linux/arm64'],
]);

/** @returns undefined for a platform that the gateway's image is not built for */
export const parsePlatform = (text: string): Platform | undefined => ALIASES.get(text.toLowerCase());

/** The platform of containers on this host: Linux with the processor that Node reports. */
export const hostPlatform = (architecture: string = process.arch): Platform =>
  architecture === 'arm64' ? 'linux/arm64' : 'linux/amd64';
