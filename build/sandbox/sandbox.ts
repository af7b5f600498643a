/** An image in which agents run their tools: a stage of dockerfiles/sandbox.Dockerfile. */
export interface Sandbox {
  readonly target: string;
  /** The name by which the gateway asks for it, unless its settings say otherwise. */
  readonly image: string;
  readonly holds: string;
  /** Whether its stage copies Node from the gateway's base. */
  readonly hasNode: boolean;
}

export const SANDBOXES = {
  default: {
    target: 'sandbox',
    image: 'openclaw-sandbox:bookworm-slim',
    holds: 'bash, curl, git, jq, python3, ripgrep',
    hasNode: false,
  },
  common: {
    target: 'sandbox-common',
    image: 'openclaw-sandbox-common:bookworm-slim',
    holds: 'the same with compilers, Go, Rust, Node, pnpm and Bun',
    hasNode: true,
  },
  browser: {
    target: 'sandbox-browser',
    image: 'openclaw-sandbox-browser:bookworm-slim',
    holds: 'the same with Chromium on a screen that noVNC shows',
    hasNode: false,
  },
} as const satisfies Readonly<Record<string, Sandbox>>;

export type SandboxName = keyof typeof SANDBOXES;
