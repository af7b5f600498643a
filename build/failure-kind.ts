/** For the documentation: why a kind of failure happens, and how to fix it. */
interface FailureExplanation {
  readonly cause: string;
  readonly fix: string;
}

/** Every kind of failure, as `--json` prints it in `error.kind`. docs/troubleshooting.md is rendered from this table. */
export const FAILURE_KINDS = {
  annotations: {
    cause: 'The gateway does not provide a value for a required image annotation.',
    fix: 'Build another version of the gateway, or add the field to its package.json.',
  },
  'bootstrapped-base': {
    cause: 'A release would use a base that was made on this host.',
    fix: 'Use a base from a registry: `--base node:24-bookworm-slim`.',
  },
  'build-failed': {
    cause: 'buildx failed without naming a step.',
    fix: 'Read the output below the message.',
  },
  'cannot-rebase': {
    cause: 'An upper layer depends on the old base, or the image is not built on it.',
    fix: 'Build a refresh: `scripts/run release publish --event refresh`.',
  },
  container: {
    cause: 'The engine could not start a container of the image.',
    fix: 'Install the emulator for another processor: `scripts/engine emulate arm64`.',
  },
  contract: {
    cause: 'An image of a release fails a check of the image contract.',
    fix: 'Build the image locally and run `scripts/run verify` on it.',
  },
  credentials: {
    cause: 'A credential helper or config.json of Docker does not contain valid JSON.',
    fix: 'Log in again: `docker login REGISTRY`.',
  },
  'digest-mismatch': {
    cause: 'A registry, or a proxy before it, delivered content that does not match its digest.',
    fix: 'Find the proxy or cache that changes the content.',
  },
  'disk-full': {
    cause: 'There is no space left, on the disk of the engine or of the cache folder.',
    fix: 'Free space with `docker builder prune`, or move the cache with `XDG_CACHE_HOME`.',
  },
  'docker-config': {
    cause: "Docker's config.json is not valid JSON, or not readable.",
    fix: 'Correct the file, or name another folder in `DOCKER_CONFIG`.',
  },
  drift: {
    cause: 'Tags changed again while they were repaired.',
    fix: 'Stop the other process that writes these tags.',
  },
  'engine-denied': {
    cause: 'This user may not use the Docker socket.',
    fix: 'Join the group `docker`, or name another engine with `--engine`.',
  },
  'engine-gone': {
    cause: 'The engine does not answer, or stopped answering.',
    fix: 'Start the engine, then repeat the command. Finished build steps are cached.',
  },
  'failing-step': {
    cause: 'A step of the Dockerfile failed.',
    fix: 'Read the last lines of the step, below the message.',
  },
  gateway: {
    cause: 'The gateway ended, or did not answer `/healthz` in time.',
    fix: 'Read the last lines of its log, below the message.',
  },
  'git-dependency': {
    cause: 'A dependency of the gateway comes from a git repository.',
    fix: 'Build a release without it.',
  },
  'image-store': {
    cause: 'The engine uses the old image store, which keeps no indexes and annotations.',
    fix: 'Enable the containerd image store, or use another builder with `--builder`.',
  },
  incomplete: {
    cause: '`release join` did not find the images of every platform.',
    fix: 'Run `release build` for the missing platform.',
  },
  integrity: {
    cause: 'The bytes of an npm package do not match its integrity.',
    fix: 'Repeat the command. If it fails again, find the proxy that changes packages.',
  },
  'lost-snapshot': {
    cause: "The engine's garbage collector removed a layer during the build (moby/buildkit#6521).",
    fix: 'Build again; finished steps are cached.',
  },
  'no-base': {
    cause: 'The registry of the base is unreachable, and this host cannot make a base.',
    fix: 'Name a base that the engine has: `--base REF`.',
  },
  'no-cosign': {
    cause: 'cosign 3 is not installed, and installing it failed.',
    fix: 'Install cosign, or publish with `--sign none`.',
  },
  'no-emulation': {
    cause: 'A step is for another processor than this host has.',
    fix: 'Run `scripts/engine emulate arm64`, or use a builder of that platform.',
  },
  'no-engine': {
    cause: 'There is no Docker Engine, and setting up a private one failed.',
    fix: 'Install Docker, or name an engine with `--engine`.',
  },
  'no-network': {
    cause: 'A name was not resolved, or a connection failed.',
    fix: 'Check network, DNS and `HTTPS_PROXY`.',
  },
  'no-node': {
    cause: 'The base does not set `NODE_VERSION`.',
    fix: 'Use an official Node image as the base.',
  },
  'no-such-platform': {
    cause: 'The base does not exist for the requested platform.',
    fix: 'Choose another base or platform.',
  },
  'not-found': {
    cause: 'An image, a record or an earlier build does not exist.',
    fix: 'Check the name; the hint says how to create it.',
  },
  'not-rendered': {
    cause: 'A committed file differs from what the code renders.',
    fix: 'Run `npm run image:render`, then commit the file.',
  },
  'out-of-memory': {
    cause: 'The kernel killed a build step.',
    fix: 'Give the engine at least 2 GB of memory.',
  },
  overlay: {
    cause: 'The gateway loaded the compiled plugin instead of the mounted source.',
    fix: 'Unset `OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS`.',
  },
  'platforms-differ': {
    cause: 'The platforms of a release were built from different refs, bases or dates.',
    fix: 'Build all platforms with the same options.',
  },
  'rate-limited': {
    cause: 'A registry answered 429: too many requests.',
    fix: 'Wait, or log in.',
  },
  'read-back': {
    cause: 'A tag names another image than the one that was built or pushed.',
    fix: 'Repeat the command. If it fails again, another process writes the tag.',
  },
  'registry-certificate': {
    cause: 'The certificate of the registry is not trusted.',
    fix: 'Add the authority to `NODE_EXTRA_CA_CERTS` or `/etc/docker/certs.d`.',
  },
  'registry-denied': {
    cause: 'The registry answered 401 or 403.',
    fix: 'Check the name, then log in.',
  },
  'registry-error': {
    cause: 'A registry answered a build step with a server error.',
    fix: 'Try again later.',
  },
  'registry-failed': {
    cause: 'The registry answered with an error.',
    fix: 'Wait, then run the same command again.',
  },
  'registry-unreachable': {
    cause: 'The registry could not be contacted.',
    fix: 'Check the network, the name and the proxy.',
  },
  'registry-without-tls': {
    cause: 'The registry uses HTTP, but the engine requires HTTPS.',
    fix: 'Give the registry a certificate, or add it to `insecure-registries`.',
  },
  'release-held': {
    cause: 'Another release to the same repositories is running.',
    fix: 'Wait for it with `--wait 20`.',
  },
  signing: {
    cause: 'cosign could not sign the image, or the signature does not verify.',
    fix: 'Correct the cause and run the same command, which resumes.',
  },
  'tls-inspection': {
    cause: 'A proxy signs TLS traffic with an authority that is not trusted.',
    fix: 'Name the authority with `--ca`.',
  },
  'version-exists': {
    cause: 'A version tag exists with other contents. Version tags never change.',
    fix: 'Publish a correction (`2026.3.13-1`) or a refresh (`--event refresh`).',
  },
} as const satisfies Readonly<Record<string, FailureExplanation>>;

export type FailureKind = keyof typeof FAILURE_KINDS;
