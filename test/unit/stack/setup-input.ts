import type { SetupInput } from '../../../build/stack/setup-values.ts';

/** An input of setup. @param environment variables of the shell; HOME is /home/me */
export const setupInput = (environment: Record<string, string> = {}, more: Partial<SetupInput> = {}): SetupInput => ({
  environment: new Map(Object.entries({ HOME: '/home/me', ...environment })),
  dotEnv: '',
  project: '/srv/openclaw-image',
  present: new Set(),
  terminal: true,
  ...more,
});
