import { ANNOTATION } from '../oci/annotations.ts';
import type { Layer, Stage } from './stage.ts';

/** Cold starts took 7 to 22 s on two cores, and 160 s under emulation. A slow start must not count as unhealthy. */
const HEALTHCHECK = `HEALTHCHECK --interval=30s --timeout=10s --start-period=300s --start-interval=2s --retries=3 \\
    CMD ["openclaw-healthcheck", "/healthz"]`;

/** The `ARG` for each annotation. */
export const ANNOTATION_ARGUMENTS = {
  [ANNOTATION.baseName]: 'OPENCLAW_BASE_NAME',
  [ANNOTATION.baseDigest]: 'OPENCLAW_BASE_DIGEST',
  [ANNOTATION.source]: 'OPENCLAW_SOURCE_URL',
  [ANNOTATION.url]: 'OPENCLAW_URL',
  [ANNOTATION.documentation]: 'OPENCLAW_DOCUMENTATION_URL',
  [ANNOTATION.licenses]: 'OPENCLAW_LICENSES',
  [ANNOTATION.title]: 'OPENCLAW_TITLE',
  [ANNOTATION.description]: 'OPENCLAW_DESCRIPTION',
  [ANNOTATION.version]: 'OPENCLAW_VERSION',
  [ANNOTATION.revision]: 'OPENCLAW_REVISION',
  [ANNOTATION.created]: 'OPENCLAW_CREATED',
} as const;

/** Name of the stage that has all layers of the image. */
export const RUNTIME = 'runtime';

/** @param from the parent stage: everything that does not depend on the gateway */
export const runtimeStage = (from: string, layers: readonly Layer[]): Stage => ({
  name: RUNTIME,
  from,
  why: `All layers of the image. It copies finished layers, so it waits only for the slowest of them. Files belong to root: the gateway
writes only to /home/node and /tmp, and cannot change its own code.`,
  body: `${layers.flatMap(({ made }) => (made.by === 'copy' && made.stage === RUNTIME ? [made.instruction] : [])).join('\n')}
WORKDIR /app
# A number: Kubernetes refuses names with runAsNonRoot. Any other user works too, so its home is set here.
USER 1000:1000
# Node's compile cache would be lost with the container. Writing it makes a start 20 % slower, and a command twice as slow.
ENV NODE_ENV=production \\
    HOME=/home/node \\
    NPM_CONFIG_PREFIX=/home/node/.local \\
    PNPM_HOME=/home/node/.local \\
    NODE_DISABLE_COMPILE_CACHE=1 \\
    PATH=/home/node/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
});

export const SMOKE_TEST: Stage = {
  name: 'smoke-test',
  from: RUNTIME,
  why: `A quick test of the finished layers: the gateway's command prints its version, and no link in /app leads nowhere. No part of the
image. image:build builds it together with the image; with docker build: --target smoke-test.`,
  body: `RUN --network=none --mount=type=tmpfs,target=/tmp <<'SH'
set -eu
dangling=$(find /app -xtype l | head -n 5)
if [ -n "$dangling" ]; then
  echo "These links of the gateway lead nowhere, so a part of it is missing in the image:" >&2
  echo "$dangling" >&2
  exit 1
fi
openclaw --version
SH`,
};

/** The last stage: the image. Its instructions add no layer. */
export const IMAGE: Stage = {
  name: 'image',
  from: RUNTIME,
  why: 'The image: its settings, without a further layer.',
  body: `EXPOSE 18789 18790
${HEALTHCHECK}
ENTRYPOINT ["tini", "-s", "--"]
CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]
# image:build provides these values. With plain docker build they are empty unless given as build arguments.
${Object.values(ANNOTATION_ARGUMENTS)
  .map((name) => `ARG ${name}`)
  .join('\n')}
LABEL ${Object.entries(ANNOTATION_ARGUMENTS)
    .map(([key, name]) => `${key}="\${${name}}"`)
    .join(' \\\n      ')}`,
};
