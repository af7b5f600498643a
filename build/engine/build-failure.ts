import type { Explanation } from '../problem.ts';
import type { Progress, Step } from './progress.ts';

interface Rule {
  readonly kind: string;
  readonly pattern: RegExp;
  readonly title: string;
  readonly reason: string;
  readonly wayOut: string;
}

/** What a failed build's words mean; the first rule that matches explains it, so the more particular ones come first. */
// buildx sometimes ends before a step's last words have come (one in four, of a step that fails at once): curl's exit codes
// say the same. Source: https://curl.se/docs/manpage.html, EXIT CODES
const RULES: readonly Rule[] = [
  {
    kind: 'out-of-memory',
    pattern:
      /exit code: 137|exit status 137|signal: killed|Killed process|ENOMEM|cannot allocate memory|JavaScript heap out of memory/i,
    title: 'Out of memory',
    reason: 'the kernel ended a build step because memory ran out (exit code 137)',
    wayOut:
      'give the engine at least 2 GB of memory (Docker Desktop: Settings, Resources), or build on a larger machine with --builder',
  },
  {
    kind: 'disk-full',
    pattern: /no space left on device|ENOSPC|disk quota exceeded/i,
    title: 'The disk is full',
    reason: "the engine's disk has no room left",
    wayOut: 'free some: docker builder prune, docker image prune; docker system df says what takes it',
  },
  {
    kind: 'tls-inspection',
    pattern:
      /SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERTIFICATE_VERIFY_FAILED|SSL certificate problem|certificate signed by unknown authority|self[- ]signed certificate|server certificate verification failed|\bcurl\b.*exit code: 60\b/i,
    title: 'A certificate is not trusted',
    reason:
      'something between the build and the registry signs its traffic with an authority that a container does not know',
    wayOut: 'name that authority: --ca /path/to/ca.pem (the build gets it as a secret; no layer holds it)',
  },
  {
    kind: 'rate-limited',
    pattern: /\b429\b|too many requests|toomanyrequests|rate limit/i,
    title: 'The registry asks to slow down',
    reason: 'it answered 429: too many requests from this address or account',
    wayOut: 'wait and try again, or log in: docker login REGISTRY',
  },
  {
    kind: 'registry-denied',
    pattern:
      /\b40[13] (?:unauthorized|forbidden)|status(?: code)?:? 40[13]|E40[13]\b|denied: |insufficient_scope|authorization failed|unauthorized|no basic auth credentials/i,
    title: 'The registry refused',
    reason: 'it wants other credentials, or there is no such repository (401 or 403)',
    wayOut: 'check the name, then log in: docker login REGISTRY',
  },
  {
    kind: 'registry-error',
    pattern:
      /\b50[0234] (?:internal|bad gateway|service|gateway)|status(?: code)?:? 50[0234]|E50[0234]\b|unexpected status[^\n]*: 5\d\d/i,
    title: 'The registry failed',
    reason: 'it answered with a server error (5xx)',
    wayOut: 'nothing is wrong here: try again in a while',
  },
  {
    kind: 'lost-snapshot',
    pattern: /failed to prepare extraction snapshot|parent snapshot \S+ does not exist/i,
    title: 'The engine lost a layer while it unpacked the image',
    reason: 'its garbage collector took one that was needed still (https://github.com/moby/buildkit/issues/6521)',
    wayOut: 'build again: every step is cached',
  },
  {
    kind: 'no-emulation',
    pattern: /exec format error/i,
    title: 'This engine cannot run programs of that platform',
    reason: 'a step is for another processor, and the kernel has no emulator for it',
    wayOut:
      'on a private engine: scripts/engine emulate arm64; else: docker run --privileged --rm tonistiigi/binfmt --install all; or use a builder of that platform with --builder',
  },
  {
    kind: 'engine-gone',
    pattern:
      /cannot connect to the docker daemon|error during connect|rpc error: code = Unavailable|connection reset by peer.*docker\.sock|EOF$|error reading from server: EOF|closing transport/i,
    title: 'The Docker Engine is gone',
    reason: 'it stopped answering during the build',
    wayOut:
      'see whether it runs (docker version; scripts/engine status) and what it logged, then build again: what was finished is cached',
  },
  {
    kind: 'no-network',
    pattern:
      /EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|temporary failure (?:in name resolution|resolving)|could not resolve|no such host|network is unreachable|i\/o timeout|dial tcp|Unable to connect to|Failed to fetch|\bcurl\b.*exit code: [67]\b/i,
    title: 'A step cannot reach the network',
    reason: 'a name did not resolve or a connection failed',
    wayOut:
      'check the network and DNS of containers: docker run --rm IMAGE getent hosts example.com; behind a proxy set HTTPS_PROXY, which the build passes on',
  },
  {
    kind: 'image-store',
    pattern:
      /OCI exporter is not supported for the docker driver|annotations? (?:are|is) not supported|multi-platform build is not supported for the docker driver|index annotations not supported/i,
    title: 'This engine keeps images in the old store',
    reason: 'the old image store has no indexes and no annotations',
    wayOut:
      'turn on the containerd image store ({"features": {"containerd-snapshotter": true}} in daemon.json), or use another builder with --builder',
  },
];

/** What the failure of a build means. @param output what buildx printed besides its progress */
export function explainBuildFailure(progress: Progress, output: string, exitCode: number | undefined): Explanation {
  const failed = [...progress.values()].find(
    (step) => step.state === 'failed' && !/context canceled/i.test(step.error ?? ''),
  );
  const text = [failed?.error ?? '', ...(failed?.lines ?? []), output].join('\n');
  const lines = failed === undefined ? output.trim().split('\n').slice(-10) : failed.lines.slice(-10);
  const rule = RULES.find(({ pattern }) => pattern.test(text));
  if (rule !== undefined) {
    const { kind, title, reason, wayOut } = rule;
    return {
      kind,
      title,
      reason: failed === undefined ? reason : `${reason}; in ${describeStep(failed)}`,
      wayOut,
      lines,
    };
  }
  if (failed !== undefined) {
    return {
      kind: 'failing-step',
      title: 'A step of the build failed',
      reason: `${describeStep(failed)}: ${shorten(failed.error ?? 'no reason given')}`,
      wayOut: 'its last lines are below; --dry-run prints the Dockerfile it stands in',
      lines,
    };
  }
  return {
    kind: 'build-failed',
    title: 'The build failed',
    reason: `docker buildx build exited with ${exitCode ?? 'a signal'}`,
    wayOut: 'what it said is below',
    lines,
  };
}

const describeStep = ({ stage, name }: Step): string => (stage === undefined ? name : `stage ${stage}`);

/** BuildKit quotes the whole script of a step; what it ended with is what matters. */
const shorten = (error: string): string => error.replace(/process "(?:[^"\\]|\\.)*" did not/s, 'its script did not');
