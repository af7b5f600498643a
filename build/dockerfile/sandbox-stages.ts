import type { Stage } from './stage.ts';
import { BUN, installPackages, LAYERS, NPM_MOUNTS, TRUST_CA } from './step.ts';

/** What a sandbox's stages stand on, as `FROM` has it. */
export interface SandboxBases {
  readonly debian: string;
  /** The gateway's base, for its Node. */
  readonly node: string;
}

const PNPM = 'pnpm@11.28.11';

/** Newer gateways refuse an image without it: DevTools are relayed to who shows a token. Source: openclaw 2026.9.6. */
const BROWSER_CONTRACT = '2026-05-12-cdp-relay-auth';

const AS_SANDBOX = 'USER sandbox\nWORKDIR /home/sandbox';

/** The images in which agents run their tools: section 8 of the reference. A target each. */
export const sandboxStages = ({ debian, node }: SandboxBases): readonly Stage[] => [
  {
    name: 'debian',
    from: debian,
    why: 'The parent image of all three. Another one: --build-context debian=…',
    body: '',
  },
  {
    name: 'node',
    from: node,
    why: "Node, from the gateway's base.",
    body: '',
  },
  {
    name: 'sandbox',
    from: 'debian',
    why: 'openclaw-sandbox: what most tools need, and a user without rights.',
    body: `RUN useradd --uid 1000 --create-home --shell /bin/bash sandbox
${installPackages('bash ca-certificates curl git jq python3 ripgrep')}
${AS_SANDBOX}
CMD ["sleep", "infinity"]`,
  },
  {
    name: 'tools',
    from: 'node',
    why: 'pnpm and Bun, from npm.',
    body: `RUN ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
npm install --global --prefix ${LAYERS}/tools/usr/local --no-audit --no-fund --no-update-notifier --loglevel=error ${PNPM} ${BUN}
SH`,
  },
  {
    name: 'sandbox-common',
    from: 'sandbox',
    why: 'openclaw-sandbox-common: with compilers, Go, Rust, Node, pnpm and Bun.',
    body: `USER root
${installPackages('build-essential cargo file golang-go pkg-config rustc unzip wget xz-utils')}
COPY --link --from=node /usr/local /usr/local
COPY --link --from=tools ${LAYERS}/tools /
${AS_SANDBOX}`,
  },
  {
    name: 'sandbox-browser',
    from: 'sandbox',
    why: 'openclaw-sandbox-browser: Chromium on a virtual screen, with DevTools for an address range and noVNC behind a password.',
    body: `USER root
${installPackages('chromium fonts-liberation fonts-noto-color-emoji novnc socat websockify x11vnc xvfb')}
COPY --link --chmod=755 browser /usr/local/bin/openclaw-sandbox-browser
COPY --link --chmod=755 cdp-relay /usr/local/bin/openclaw-sandbox-cdp-relay
LABEL org.openclaw.sandbox-browser.contract="${BROWSER_CONTRACT}"
${AS_SANDBOX}
EXPOSE 9222 5900 6080
CMD ["openclaw-sandbox-browser"]`,
  },
];
