import type { Layer, Stage } from './stage.ts';

/** Cold starts of 7 to 22 s were measured on two cores, and 160 s under emulation: what is slow is not yet unhealthy. */
const HEALTHCHECK = `HEALTHCHECK --interval=30s --timeout=10s --start-period=300s --start-interval=2s --retries=3 \\
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.OPENCLAW_GATEWAY_PORT || 18789) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]`;

/** `ARG` that carries each annotation whose value differs from build to build. */
export const ANNOTATION_ARGUMENTS = {
  'org.opencontainers.image.base.name': 'OPENCLAW_BASE_NAME',
  'org.opencontainers.image.base.digest': 'OPENCLAW_BASE_DIGEST',
  'org.opencontainers.image.source': 'OPENCLAW_SOURCE_URL',
  'org.opencontainers.image.url': 'OPENCLAW_URL',
  'org.opencontainers.image.documentation': 'OPENCLAW_DOCUMENTATION_URL',
  'org.opencontainers.image.licenses': 'OPENCLAW_LICENSES',
  'org.opencontainers.image.title': 'OPENCLAW_TITLE',
  'org.opencontainers.image.description': 'OPENCLAW_DESCRIPTION',
  'org.opencontainers.image.version': 'OPENCLAW_VERSION',
  'org.opencontainers.image.revision': 'OPENCLAW_REVISION',
  'org.opencontainers.image.created': 'OPENCLAW_CREATED',
} as const;

/** Name of the last stage, which is the image. */
export const RUNTIME = 'runtime';

/** @param from the stage below: what does not come from the gateway */
export const runtimeStage = (from: string, layers: readonly Layer[]): Stage => ({
  name: RUNTIME,
  from,
  why: `The image. It copies layers that stand ready, so it waits for nothing but the slowest of them. Files belong to root:
the gateway writes to /home/node and /tmp only, and what it cannot write no one can change through it.`,
  body: `WORKDIR /app
${layers.flatMap(({ made }) => (made.by === 'copy' && made.stage === RUNTIME ? [made.instruction] : [])).join('\n')}
USER node
# Node's compile cache would go with its container: to write it makes a gateway's start a fifth longer, and a command twice as long.
ENV NODE_ENV=production \\
    NODE_DISABLE_COMPILE_CACHE=1 \\
    PATH=/home/node/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
EXPOSE 18789 18790
${HEALTHCHECK}
ENTRYPOINT ["tini", "-s", "--"]
CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]
${Object.values(ANNOTATION_ARGUMENTS)
  .map((name) => `ARG ${name}`)
  .join('\n')}
LABEL ${Object.entries(ANNOTATION_ARGUMENTS)
    .map(([key, name]) => `${key}="\${${name}}"`)
    .join(' \\\n      ')}`,
});
