import { HELPERS } from './helpers.ts';
import type { Stage } from './stage.ts';
import { BUN, HELPERS_MOUNT, installPackages, LAYERS, NPM_MOUNTS, OFFLINE_MOUNTS, run } from './step.ts';

/** The parent images of the sandboxes, for `FROM`. */
export interface SandboxBases {
  readonly debian: string;
  /** The gateway's base, from which Node is copied. */
  readonly node: string;
}

const PNPM = 'pnpm@11.28.11';

/** Newer gateways require this label: DevTools are relayed only to clients with a token. Source: openclaw 2026.9.6. */
const BROWSER_CONTRACT = '2026-05-12-cdp-relay-auth';

const AS_SANDBOX = 'USER sandbox\nWORKDIR /home/sandbox';

/** The sandbox images, one target each. Source: docs/reference.md, "Sandbox images". */
export const sandboxStages = ({ debian, node }: SandboxBases): readonly Stage[] => [
  HELPERS,
  {
    name: 'debian',
    from: debian,
    why: 'The parent image of all sandboxes. To replace it: --build-context debian=…',
    body: '',
  },
  {
    name: 'node',
    from: node,
    why: "The gateway's base, from which Node is copied.",
    body: '',
  },
  {
    name: 'sandbox',
    from: 'debian',
    why: 'openclaw-sandbox: programs that most tools need, and an unprivileged user.',
    body: `${run(
      HELPERS_MOUNT,
      `useradd --uid 1000 --create-home --shell /bin/bash sandbox
same_accounts
same_system_times`,
    )}
${installPackages('bash ca-certificates curl git jq python3 ripgrep')}
${AS_SANDBOX}
CMD ["sleep", "infinity"]`,
  },
  {
    name: 'tools',
    from: 'node',
    why: 'pnpm and Bun, from npm, beside Node.',
    body: `${run(
      NPM_MOUNTS,
      `mkdir -p ${LAYERS}/node/usr
cp -a /usr/local ${LAYERS}/node/usr/
npm_global --prefix ${LAYERS}/tools/usr/local ${PNPM} ${BUN}`,
    )}
${run(
  OFFLINE_MOUNTS,
  `finish_bun ${LAYERS}/tools/usr/local/lib/node_modules
same_times`,
)}`,
  },
  {
    name: 'sandbox-common',
    from: 'sandbox',
    why: 'openclaw-sandbox-common: adds compilers, Go, Rust, Node, pnpm and Bun.',
    body: `USER root
${installPackages('build-essential cargo file golang-go pkg-config rustc unzip wget xz-utils')}
COPY --link --from=tools ${LAYERS}/node /
COPY --link --from=tools ${LAYERS}/tools /
${AS_SANDBOX}`,
  },
  {
    name: 'browser-programs',
    from: 'debian',
    why: 'The programs that start the browser, and guard its DevTools.',
    body: run(
      `${HELPERS_MOUNT} --mount=target=/source`,
      `cd /source
for name in browser cdp-relay; do
  install -D "$name" "${LAYERS}/programs/usr/local/bin/openclaw-sandbox-$name"
done
same_times`,
    ),
  },
  {
    name: 'sandbox-browser',
    from: 'sandbox',
    why: 'openclaw-sandbox-browser: adds Chromium on a virtual screen, DevTools for one address range, and noVNC with a password.',
    body: `USER root
${installPackages('chromium fonts-liberation fonts-noto-color-emoji novnc socat websockify x11vnc xvfb')}
COPY --link --from=browser-programs ${LAYERS}/programs /
LABEL org.openclaw.sandbox-browser.contract="${BROWSER_CONTRACT}"
${AS_SANDBOX}
EXPOSE 9222 5900 6080
CMD ["openclaw-sandbox-browser"]`,
  },
];
