/** A sandbox image: one target of dockerfiles/sandbox.Dockerfile. */
export interface Sandbox {
  readonly target: string;
  /** The name under which the gateway looks for it by default. */
  readonly image: string;
  readonly holds: string;
  /** Whether the image contains Node, copied from the gateway's base. */
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
    holds: 'as default, plus compilers, Go, Rust, Node, pnpm and Bun',
    hasNode: true,
  },
  browser: {
    target: 'sandbox-browser',
    image: 'openclaw-sandbox-browser:bookworm-slim',
    holds: 'as default, plus Chromium on a virtual screen with noVNC',
    hasNode: false,
  },
} as const satisfies Readonly<Record<string, Sandbox>>;

export type SandboxName = keyof typeof SANDBOXES;
