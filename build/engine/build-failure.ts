import { type RequestFailure, requestFailure } from '../oci/request-failure.ts';
import type { Explanation } from '../problem.ts';
import type { Progress, Step } from './progress.ts';

/** What a kind of failure means, for people. */
type Meaning = Pick<Explanation, 'title' | 'reason' | 'wayOut'>;

interface Rule extends Meaning {
  readonly kind: string;
  readonly pattern: RegExp;
  /** Whether only BuildKit's own words count, and not what a step printed. */
  readonly ofEngine?: true;
}

/** What a failed build's words mean, but for requests to registries; the first rule that matches explains it. */
const RULES: readonly Rule[] = [
  {
    kind: 'out-of-memory',
    pattern:
      /exit code: 137\b|exit status 137\b|signal: killed|signal SIGKILL|Killed process|Killed signal terminated program|\bENOMEM\b|cannot allocate memory|JavaScript heap out of memory|runtime: out of memory|std::bad_alloc/i,
    title: 'Out of memory',
    reason: 'the kernel ended a build step because memory ran out (exit code 137)',
    wayOut:
      'give the engine at least 2 GB of memory (Docker Desktop: Settings, Resources), or build on a larger machine with --builder',
  },
  {
    kind: 'disk-full',
    pattern: /no space left on device|ENOSPC|disk quota exceeded|You don't have enough free space in/i,
    title: 'The disk is full',
    reason: "the engine's disk has no room left",
    wayOut: 'free some: docker builder prune, docker image prune; docker system df says what takes it',
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
    kind: 'no-such-platform',
    pattern: /no match for platform in manifest/i,
    title: 'The base is not there for that platform',
    reason: 'its registry has it for other processors only',
    wayOut: 'choose another with --base, or build for a platform that it has: --platform linux/amd64',
  },
  {
    kind: 'registry-without-tls',
    pattern: /server gave HTTP response to HTTPS client/i,
    title: 'The registry speaks HTTP, and the engine wants HTTPS',
    reason: 'engines speak HTTP to registries on localhost alone, unless they are told to',
    wayOut: 'give the registry a certificate, or name it in "insecure-registries" of daemon.json',
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
  {
    kind: 'engine-gone',
    ofEngine: true,
    // EOF ends what a registry said, too: then its address stands before it.
    pattern:
      /cannot connect to the docker daemon|error during connect|rpc error: code = Unavailable|error reading from server: EOF|closing transport|^(?!.*https?:\/\/).*\bEOF$|docker\.sock.*connection reset by peer/im,
    title: 'The Docker Engine is gone',
    reason: 'it stopped answering during the build',
    wayOut:
      'see whether it runs (docker version; scripts/engine status) and what it logged, then build again: what was finished is cached',
  },
];

/** A request of a step's own (npm, apt, pip), or one of the engine's, which pulls and pushes images. */
type Requester = 'step' | 'engine';

const REQUESTS: Readonly<Record<RequestFailure, Pick<Meaning, 'title' | 'reason'> & Record<Requester, string>>> = {
  'tls-inspection': {
    title: 'A certificate is not trusted',
    reason: 'something between the build and the registry signs its traffic with an authority that is not known there',
    step: 'name that authority: --ca /path/to/ca.pem (the build gets it as a secret; no layer holds it)',
    engine: 'put that authority where the engine looks: /etc/docker/certs.d/REGISTRY/ca.crt',
  },
  'rate-limited': {
    title: 'The registry asks to slow down',
    reason: 'it answered 429: too many requests from this address or account',
    step: 'wait and try again',
    engine: 'wait and try again, or log in: docker login REGISTRY',
  },
  'registry-denied': {
    title: 'The registry refused',
    reason: 'it wants other credentials, or there is no such repository (401 or 403)',
    step: 'log in to what the step downloads from: npm login, or a token in ~/.npmrc; for pip an address with a user in PIP_INDEX_URL',
    engine: 'check the name, then log in: docker login REGISTRY',
  },
  'registry-error': {
    title: 'The registry failed',
    reason: 'it answered with a server error (5xx)',
    step: 'nothing is wrong here: try again in a while',
    engine: 'nothing is wrong here: try again in a while',
  },
  'no-network': {
    title: 'The network cannot be reached',
    reason: 'a name did not resolve or a connection failed',
    step: 'check the network and DNS of containers: docker run --rm IMAGE getent hosts example.com; behind a proxy set HTTPS_PROXY, which the build passes on',
    engine: 'check the name of the registry, and the network and the proxy of the engine',
  },
};

/**
 * buildx sometimes ends before a step's last words have come (one in four, of a step that fails at once): curl's exit codes say the
 * same. Source: https://curl.se/docs/manpage.html, EXIT CODES
 */
const CURL_CODES: Readonly<Record<string, RequestFailure>> = {
  '6': 'no-network',
  '7': 'no-network',
  '60': 'tls-inspection',
};
const curlFailure = (error: string): RequestFailure | undefined =>
  CURL_CODES[/\bcurl -[^"]*" did not complete successfully: exit code: (\d+)$/m.exec(error)?.[1] ?? ''];

/** BuildKit quotes the whole script of a step; what it ended with is what matters. */
const shorten = (error: string): string => error.replace(/process "(?:[^"\\]|\\.)*" did not/s, 'its script did not');

function meaningOf(
  error: string,
  lines: readonly string[],
  output: string,
): (Meaning & { readonly kind: string }) | undefined {
  // Of the engine's error, not of the script that it quotes: names of packages and comments are no failure.
  const ofEngine = [shorten(error), output].join('\n');
  const text = [ofEngine, ...lines].join('\n');
  const rule = RULES.find((one) => one.pattern.test(one.ofEngine === true ? ofEngine : text));
  if (rule !== undefined) return rule;
  const request = requestFailure(text) ?? curlFailure(error);
  if (request === undefined) return undefined;
  const { title, reason, ...wayOut } = REQUESTS[request];
  const requester: Requester = error.includes('did not complete successfully') ? 'step' : 'engine';
  return { kind: request, title, reason, wayOut: wayOut[requester] };
}

/** What the failure of a build means. @param output what buildx printed besides its progress */
export function explainBuildFailure(progress: Progress, output: string, exitCode: number | undefined): Explanation {
  const failed = [...progress.values()].find(
    (step) => step.state === 'failed' && !/context canceled/i.test(step.error ?? ''),
  );
  const lines = failed === undefined ? output.trim().split('\n').slice(-10) : failed.lines.slice(-10);
  const meaning = meaningOf(failed?.error ?? '', failed?.lines ?? [], output);
  if (meaning !== undefined) {
    const { kind, title, reason, wayOut } = meaning;
    return {
      kind,
      title,
      reason: failed === undefined ? reason : `${reason}; in ${describeStep(failed, progress)}`,
      wayOut,
      lines,
    };
  }
  if (failed !== undefined) {
    return {
      kind: 'failing-step',
      title: 'A step of the build failed',
      reason: `${describeStep(failed, progress)}: ${shorten(failed.error ?? 'no reason given')}`,
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

const platformIn = ({ name }: Step): string | undefined => /^\[(linux\/\S+) /.exec(name)?.[1];

/** With its platform where there are several. */
function describeStep(step: Step, progress: Progress): string {
  if (step.stage === undefined) return step.name;
  const platform = platformIn(step);
  const others = [...progress.values()].map(platformIn).some((one) => one !== undefined && one !== platform);
  return `stage ${step.stage}${platform !== undefined && others ? ` for ${platform}` : ''}`;
}
