import { stripVTControlCharacters } from 'node:util';
import type { Failure, FailureKind } from '../problem.ts';
import { type RequestFailure, requestFailure } from '../request-failure.ts';
import type { Progress, Step } from './progress.ts';

/** The explanation of a kind of failure, for people. */
type FailureText = Pick<Failure, 'title' | 'reason' | 'hint'>;

interface Rule extends FailureText {
  readonly kind: FailureKind;
  readonly pattern: RegExp;
  /** Match only BuildKit's own message, not the output of a step. */
  readonly onlyEngineOutput?: true;
}

/** The stage that runs the gateway's own install scripts. Source: build/dockerfile/package-stages.ts */
const PACKAGE_STAGE = 'package';

const UNLOCKED_INSTALL = {
  kind: 'unlocked-install',
  title: 'An install script of the gateway uses the network',
  reason: 'Everything in an image is locked before its build, so install scripts of the gateway run without network',
  hint: "the last lines name the package or the host: add a package to the dependencies in the gateway's package.json, or build another release",
} as const;

/** Failures of a build other than failed requests to registries. The first matching rule applies. */
const RULES: readonly Rule[] = [
  {
    kind: 'out-of-memory',
    pattern: /JavaScript heap out of memory/,
    title: 'Out of memory',
    reason: "A program reached Node's limit for JavaScript",
    hint: 'raise the limit for the build scripts of a checkout, up to the memory of the engine: --heap 4096 (megabytes)',
  },
  {
    kind: 'out-of-memory',
    pattern:
      /exit code: 137\b|exit status 137\b|signal: killed|signal SIGKILL|Killed process|Killed signal terminated program|\bENOMEM\b|cannot allocate memory|runtime: out of memory|std::bad_alloc/i,
    title: 'Out of memory',
    reason: 'The kernel killed a build step because memory ran out (exit code 137)',
    hint: 'give the engine at least 2 GB of memory (Docker Desktop: Settings, Resources), or use a larger machine with --builder',
  },
  { ...UNLOCKED_INSTALL, pattern: /\bENOTCACHED\b|ERR_PNPM_NO_OFFLINE_(?:META|TARBALL)/ },
  {
    kind: 'missing-package',
    pattern: /ERR_PNPM_FETCH_404|npm error (?:code E404|404 )/,
    title: 'A package is not in the registry',
    reason:
      'The lockfile names a version that the registry does not have: it was withdrawn, or yours does not mirror it',
    hint: 'the last lines name the package: give a registry that has it (`registry` in ~/.npmrc), or build another release',
  },
  {
    kind: 'disk-full',
    pattern: /no space left on device|ENOSPC|disk quota exceeded|You don't have enough free space in/i,
    title: 'The disk is full',
    reason: 'There is no space left on the disk of the engine',
    hint: 'free space with docker builder prune or docker image prune; docker system df shows what uses it',
  },
  {
    kind: 'lost-snapshot',
    pattern: /failed to prepare extraction snapshot|parent snapshot \S+ does not exist/i,
    title: 'The engine lost a layer while it unpacked the image',
    reason:
      'Its garbage collector removed a layer that was still in use (https://github.com/moby/buildkit/issues/6521)',
    hint: 'build again; finished steps are cached',
  },
  {
    kind: 'no-emulation',
    pattern: /exec format error/i,
    title: 'The engine cannot run programs of this platform',
    reason: 'A step is for another processor, and the kernel has no emulator for it',
    hint: 'with a private engine run scripts/engine emulate arm64; with another engine run docker run --privileged --rm tonistiigi/binfmt --install all; or use a builder of this platform with --builder',
  },
  {
    kind: 'no-such-platform',
    pattern: /no match for platform in manifest/i,
    title: 'The base does not support this platform',
    reason: 'The registry has the base for other platforms only',
    hint: 'choose another base with --base, or another platform with --platform',
  },
  {
    kind: 'registry-without-tls',
    pattern: /server gave HTTP response to HTTPS client/i,
    title: 'The registry uses HTTP, but the engine requires HTTPS',
    reason: 'Engines use HTTP only for registries on localhost, unless configured otherwise',
    hint: 'give the registry a certificate, or add it to "insecure-registries" in daemon.json',
  },
  {
    kind: 'image-store',
    pattern:
      /OCI exporter is not supported for the docker driver|annotations? (?:are|is) not supported|multi-platform build is not supported for the docker driver|index annotations not supported/i,
    title: 'The engine uses the old image store',
    reason: 'The old image store cannot keep indexes and annotations',
    hint: 'enable the containerd image store ({"features": {"containerd-snapshotter": true}} in daemon.json), or use another builder with --builder',
  },
  {
    kind: 'engine-gone',
    onlyEngineOutput: true,
    // A registry's error can end in EOF too; then it contains an address.
    pattern:
      /cannot connect to the docker daemon|error during connect|rpc error: code = Unavailable|error reading from server: EOF|closing transport|^(?!.*https?:\/\/).*\bEOF$|docker\.sock.*connection reset by peer/im,
    title: 'The Docker Engine stopped answering',
    reason: 'The connection to the engine was lost during the build',
    hint: 'check the engine (docker version, scripts/engine status) and its log, then build again; finished steps are cached',
  },
];

/** The sender of a failed request: a build step (npm, apt, pip), or the engine, which pulls and pushes images. */
type Requester = 'step' | 'engine';

const REQUESTS: Readonly<Record<RequestFailure, Pick<FailureText, 'title' | 'reason'> & Record<Requester, string>>> = {
  'tls-inspection': {
    title: 'A certificate is not trusted',
    reason: 'A proxy between the build and the registry signs the traffic with an authority that is not trusted here',
    step: 'name the authority with --ca /path/to/ca.pem; the build gets it as a secret, so no layer contains it',
    engine: 'add the authority to the engine: /etc/docker/certs.d/REGISTRY/ca.crt',
  },
  'rate-limited': {
    title: 'The registry limits requests',
    reason: 'It answered 429: too many requests from this address or account',
    step: 'wait, then try again',
    engine: 'wait, then try again; or log in: docker login REGISTRY',
  },
  'registry-denied': {
    title: 'The registry denied access',
    reason: 'It requires other credentials, or the repository does not exist (401 or 403)',
    step: 'log in to the registry of the step: npm login, or a token in ~/.npmrc; for pip, an address with user and password in PIP_INDEX_URL',
    engine: 'check the name, then log in: docker login REGISTRY',
  },
  'registry-error': {
    title: 'The registry failed',
    reason: 'It answered with a server error (5xx)',
    step: 'try again later',
    engine: 'try again later',
  },
  'no-network': {
    title: 'The network is unreachable',
    reason: 'A name was not resolved, or a connection failed',
    step: 'check network and DNS inside containers: docker run --rm IMAGE getent hosts example.com; behind a proxy set HTTPS_PROXY, which the build passes on',
    engine: 'check the name of the registry, and the network and proxy of the engine',
  },
};

/**
 * buildx sometimes exits before it has printed the last output of a failed step (one in four, if the step fails at once). The
 * exit code of curl carries the same information. Source: https://curl.se/docs/manpage.html, EXIT CODES
 */
const CURL_CODES: Readonly<Record<string, RequestFailure>> = {
  '6': 'no-network',
  '7': 'no-network',
  '60': 'tls-inspection',
};
const curlFailure = (error: string): RequestFailure | undefined =>
  CURL_CODES[/\bcurl -[^"]*" did not complete successfully: exit code: (\d+)$/m.exec(error)?.[1] ?? ''];

/** BuildKit's message quotes the whole script of a step. Keep only how it ended. */
const shorten = (error: string): string => error.replace(/process "(?:[^"\\]|\\.)*" did not/s, 'its script did not');

/** @param isOffline whether the step runs install scripts of the gateway, which get no network */
function explanationOf(
  error: string,
  lines: readonly string[],
  output: string,
  isOffline: boolean,
): (FailureText & { readonly kind: FailureKind }) | undefined {
  // The quoted script must not match: it contains package names and comments.
  const engineOutput = [shorten(error), output].join('\n');
  const text = [engineOutput, ...lines].join('\n');
  const rule = RULES.find(({ pattern, onlyEngineOutput }) =>
    pattern.test(onlyEngineOutput === true ? engineOutput : text),
  );
  if (rule !== undefined) return rule;
  const request = requestFailure(text) ?? curlFailure(error);
  if (request === undefined) return undefined;
  if (isOffline && request === 'no-network') return UNLOCKED_INSTALL;
  const { title, reason, ...hints } = REQUESTS[request];
  const requester: Requester = error.includes('did not complete successfully') ? 'step' : 'engine';
  return { kind: request, title, reason, hint: hints[requester] };
}

const SHOWN_LINES = 10;
const STACK_FRAME = /^\s+at \S/;
/** Of Node, compilers, bundlers, npm and pnpm, git, shells, Python, Go. */
const LOOKS_LIKE_ERROR =
  /\b(?:[A-Z][A-Za-z]*(?:Error|Exception)|Error)\b|\berror(?: [A-Z]{2,}\d+)?:|\[ERROR\]|\bERR[_!]|\bnpm error\b|^fatal: |\b[Cc]annot find\b|: (?:command )?not found$|\bE[A-Z]{3,}: |^Traceback \(most recent|^panic: |^ ?FAIL\b/;
const IS_WARNING = /^(?:\(node:\d+\) )?\W*(?:npm )?warn(?:ing)?\b/i;

/** The reason that follows `Error: Build failed with 1 error:`. */
const REASON_LINES = 3;

/**
 * The lines of a failed step that say why: the last ones, without colours and stack frames, and before them the first one that looks like
 * an error with those that follow it, because what a tool prints after an error is often longer than the error.
 */
export function relevantLines(lines: readonly string[]): readonly string[] {
  const words = lines.map((line) => stripVTControlCharacters(line)).filter((line) => !STACK_FRAME.test(line));
  const last = words.slice(-SHOWN_LINES);
  const first = words.findIndex((line) => LOOKS_LIKE_ERROR.test(line) && !IS_WARNING.test(line));
  if (first < 0 || first >= words.length - SHOWN_LINES) return last;
  const error = words.slice(first, first + 1 + REASON_LINES);
  return [...error, '…', ...last.slice(error.length + 1)];
}

/** Explains a failed build. @param output what buildx printed besides its progress */
export function explainBuildFailure(progress: Progress, output: string, exitCode: number | undefined): Failure {
  const failed = [...progress.values()].find(
    (step) => step.state === 'failed' && !/context canceled/i.test(step.error ?? ''),
  );
  const lines = failed === undefined ? relevantLines(output.trim().split('\n')) : relevantLines(failed.lines);
  const explanation = explanationOf(failed?.error ?? '', failed?.lines ?? [], output, failed?.stage === PACKAGE_STAGE);
  if (explanation !== undefined) {
    const { kind, title, reason, hint } = explanation;
    return {
      kind,
      title,
      reason: failed === undefined ? `${reason}.` : `${reason} (in ${describeStep(failed, progress)}).`,
      hint,
      lines,
    };
  }
  if (failed !== undefined) {
    return {
      kind: 'failing-step',
      title: 'A step of the build failed',
      reason: `${describeStep(failed, progress)}: ${shorten(failed.error ?? 'no reason given')}`,
      hint: 'see the last lines of the step, below; --dry-run prints the Dockerfile',
      lines,
    };
  }
  return {
    kind: 'build-failed',
    title: 'The build failed',
    reason: `docker buildx exited with ${exitCode ?? 'a signal'}.`,
    hint: 'see the output of buildx, below',
    lines,
  };
}

const platformIn = ({ name }: Step): string | undefined => /^\[(linux\/\S+) /.exec(name)?.[1];

/** The stage of a step; with its platform if the build has several. */
function describeStep(step: Step, progress: Progress): string {
  if (step.stage === undefined) return step.name;
  const platform = platformIn(step);
  const others = [...progress.values()].map(platformIn).some((other) => other !== undefined && other !== platform);
  return `stage ${step.stage}${platform !== undefined && others ? ` for ${platform}` : ''}`;
}
