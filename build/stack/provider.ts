/** A provider whose API key onboarding accepts without questions: its variable, and its value of `--auth-choice`. */
export interface Provider {
  readonly variable: string;
  readonly authChoice: string;
}

/** Source: `openclaw onboard --help` of release 2026.9.6. The first given key decides the default model. */
export const PROVIDERS: readonly Provider[] = [
  { variable: 'ANTHROPIC_API_KEY', authChoice: 'apiKey' },
  { variable: 'OPENAI_API_KEY', authChoice: 'openai-api-key' },
  { variable: 'GEMINI_API_KEY', authChoice: 'gemini-api-key' },
  { variable: 'OPENROUTER_API_KEY', authChoice: 'openrouter-api-key' },
  { variable: 'MISTRAL_API_KEY', authChoice: 'mistral-api-key' },
  { variable: 'GROQ_API_KEY', authChoice: 'groq-api-key' },
  { variable: 'XAI_API_KEY', authChoice: 'xai-api-key' },
  { variable: 'DEEPSEEK_API_KEY', authChoice: 'deepseek-api-key' },
  { variable: 'MOONSHOT_API_KEY', authChoice: 'moonshot-api-key' },
  { variable: 'TOGETHER_API_KEY', authChoice: 'together-api-key' },
  { variable: 'ZAI_API_KEY', authChoice: 'zai-api-key' },
];

/**
 * The arguments of `openclaw onboard`: non-interactive if a key is given. The key stays in the container's environment, and
 * openclaw.json refers to it by name.
 */
export function onboardArguments(values: ReadonlyMap<string, string>, bind: string): readonly string[] {
  const given = PROVIDERS.find(({ variable }) => values.has(variable));
  // Without these flags, onboarding starts its own gateway in this container. Setup starts the gateway later.
  const common = ['onboard', '--mode', 'local', '--no-install-daemon', '--skip-ui', '--skip-health'];
  if (given === undefined) return common;
  return [
    ...common,
    ...['--non-interactive', '--accept-risk', '--skip-channels'],
    ...['--auth-choice', given.authChoice, '--secret-input-mode', 'ref'],
    ...['--gateway-auth', 'token', '--gateway-token-ref-env', 'OPENCLAW_GATEWAY_TOKEN', '--gateway-bind', bind],
  ];
}
