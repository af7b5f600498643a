import { ANNOTATION } from '../oci/annotations.ts';
import type { Layer, Stage } from './stage.ts';
import { LAYERS } from './step.ts';

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

/** Name of the stage of a checkout that has the layers that the gateway's command needs. */
export const WITH_SERVER = 'with-server';

/**
 * The stages that put the layers together.
 *
 * @param from the parent stage: everything that does not depend on the gateway
 */
export function runtimeStages(from: string, layers: readonly Layer[]): readonly Stage[] {
  const copies = (stage: string): readonly string[] =>
    layers.flatMap(({ made }) => (made.by === 'copy' && made.stage === stage ? [made.instruction] : []));
  const server = copies(WITH_SERVER);
  const why = `All layers of the image. It copies finished layers, so it waits only for the slowest of them. Files belong to root: the gateway
writes only to /home/node and /tmp, and cannot change its own code.`;
  if (server.length === 0) return [{ name: RUNTIME, from, why, body: [...copies(RUNTIME), SETTINGS].join('\n') }];
  return [
    {
      name: WITH_SERVER,
      from,
      why: `The layers that the gateway's command needs. Its test runs here, so a change of the documents or the Control UI does not repeat it.`,
      body: [...server, SETTINGS].join('\n'),
    },
    { name: RUNTIME, from: WITH_SERVER, why, body: copies(RUNTIME).join('\n') },
  ];
}

const SETTINGS = `WORKDIR /app
# A number: Kubernetes refuses names with runAsNonRoot. Any other user works too, so its home is set here.
USER 1000:1000
# Node's compile cache would be lost with the container. Writing it makes a start 20 % slower, and a command twice as slow.
ENV NODE_ENV=production \\
    HOME=/home/node \\
    NPM_CONFIG_PREFIX=/home/node/.local \\
    PNPM_HOME=/home/node/.local \\
    NODE_DISABLE_COMPILE_CACHE=1 \\
    PATH=/home/node/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** Name of the stage that tests the layers. */
export const SMOKE_TEST = 'smoke-test';

/** @param mounted folders below /app that the tested stage lacks, each with the stage that has it as a layer of that name */
export const smokeTestStage = (
  from: typeof RUNTIME | typeof WITH_SERVER,
  mounted: readonly { readonly stage: string; readonly folder: string }[],
): Stage => ({
  name: SMOKE_TEST,
  from,
  why: `A quick test of the finished layers: the gateway's command prints its version, and no link in /app leads nowhere. The image does not
contain this stage. image:build builds it together with the image; with docker build: --target smoke-test.`,
  body: `RUN --network=none --mount=type=tmpfs,target=/tmp openclaw --version
RUN --network=none ${mounted.map(({ stage, folder }) => `--mount=from=${stage},source=${LAYERS}/${stage}/app/${folder},target=/app/${folder} `).join('')}<<'SH'
set -eu
dangling=$(find /app -xtype l | head -n 5)
if [ -n "$dangling" ]; then
  echo "These links of the gateway lead nowhere, so a part of it is missing in the image:" >&2
  echo "$dangling" >&2
  exit 1
fi
SH`,
});

/** The labels of an image, from build arguments. */
export const LABELS = `# image:build provides these values. With plain docker build they are empty unless given as build arguments.
${Object.values(ANNOTATION_ARGUMENTS)
  .map((name) => `ARG ${name}`)
  .join('\n')}
LABEL ${Object.entries(ANNOTATION_ARGUMENTS)
  .map(([key, name]) => `${key}="\${${name}}"`)
  .join(' \\\n      ')}`;

/** The last stage: the image. Its instructions add no layer. */
export const IMAGE: Stage = {
  name: 'image',
  from: RUNTIME,
  why: 'The image: its settings, without a further layer.',
  body: `EXPOSE 18789 18790
${HEALTHCHECK}
ENTRYPOINT ["tini", "-s", "--"]
CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]
${LABELS}`,
};
