import { describe, expect, it } from 'vitest';
import { explainBuildFailure, relevantLines } from '../../../build/engine/build-failure.ts';
import type { Progress, Step } from '../../../build/engine/progress.ts';

const failing = (error: string, lines: readonly string[] = []): Progress => {
  const step: Step = {
    digest: 'a',
    name: '[linux/amd64 dependencies 3/3] RUN npm ci',
    stage: 'dependencies',
    state: 'failed',
    started: 0,
    completed: 1,
    error,
    lines,
  };
  return new Map([['a', step]]);
};
const EXIT_1 = 'process "/bin/sh -c npm ci" did not complete successfully: exit code: 1';

/** Real messages of BuildKit, npm, apt, pip and registries. */
describe('a failed build', () => {
  it.each<[string, string, readonly string[]]>([
    ['out-of-memory', 'process "/bin/sh -c npm ci" did not complete successfully: exit code: 137', []],
    ['out-of-memory', EXIT_1, ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory']],
    ['disk-full', EXIT_1, ['npm error code ENOSPC', 'npm error ENOSPC: no space left on device, write']],
    ['disk-full', 'failed to copy: write /var/lib/docker/x: no space left on device', []],
    ['no-network', EXIT_1, ['npm error code EAI_AGAIN', 'npm error request to https://registry.example failed']],
    [
      'no-network',
      EXIT_1,
      ["W: Failed to fetch http://mirror.example/InRelease  Temporary failure resolving 'mirror.example'"],
    ],
    [
      'unlocked-install',
      EXIT_1,
      [
        'npm error code ENOTCACHED',
        "npm error request to https://registry.example/x failed: cache mode is 'only-if-cached'",
      ],
    ],
    ['missing-package', EXIT_1, [' ERR_PNPM_FETCH_404  GET https://registry.example/x/-/x-1.0.0.tgz: Not Found - 404']],
    ['missing-package', EXIT_1, ['npm error code E404', 'npm error 404 Not Found - GET https://registry.example/x']],
    ['tls-inspection', EXIT_1, ['npm error code SELF_SIGNED_CERT_IN_CHAIN']],
    [
      'tls-inspection',
      EXIT_1,
      [
        'SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain',
      ],
    ],
    [
      'tls-inspection',
      'failed to do request: tls: failed to verify certificate: x509: certificate signed by unknown authority',
      [],
    ],
    [
      'registry-denied',
      'failed to push x: unexpected status from POST request to http://r.example/v2/x/blobs/uploads/: 401 Unauthorized',
      [],
    ],
    ['registry-denied', EXIT_1, ['npm error code E403', 'npm error 403 Forbidden - GET https://registry.example/x']],
    [
      'registry-denied',
      'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      [],
    ],
    [
      'rate-limited',
      '429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit',
      [],
    ],
    [
      'registry-error',
      'unexpected status from HEAD request to http://r.example/v2/x/manifests/y: 503 Service Unavailable',
      [],
    ],
    ['tls-inspection', 'process "/bin/sh -c curl -sS https://x" did not complete successfully: exit code: 60', []],
    ['no-network', 'process "/bin/sh -c curl -sS https://x" did not complete successfully: exit code: 6', []],
    [
      'lost-snapshot',
      'failed to prepare extraction snapshot "extract-918341047-Bb4k sha256:519d": parent snapshot sha256:7e87 does not exist: not found',
      [],
    ],
    ['registry-error', EXIT_1, ['npm error code E502', 'npm error 502 Bad Gateway - GET https://registry.example/x']],
    ['no-emulation', EXIT_1, ['exec /bin/sh: exec format error']],
    ['failing-step', EXIT_1, ['npm error code ELIFECYCLE']],
    ['out-of-memory', EXIT_1, ['npm error signal SIGKILL']],
    ['out-of-memory', EXIT_1, ['c++: fatal error: Killed signal terminated program cc1plus']],
    ['disk-full', EXIT_1, ["E: You don't have enough free space in /var/cache/apt/archives/."]],
    ['registry-denied', EXIT_1, ['E: Failed to fetch http://mirror.example/x.deb  403  Forbidden [IP: 192.0.2.1 80]']],
    ['registry-error', EXIT_1, ['E: Failed to fetch http://mirror.example/x.deb  503  Service Unavailable']],
    ['failing-step', EXIT_1, ['E: Failed to fetch http://mirror.example/x.deb  404  Not Found [IP: 192.0.2.1 80]']],
    ['failing-step', EXIT_1, ['E: Failed to fetch http://mirror.example/x.deb  Hash Sum mismatch']],
    ['no-network', EXIT_1, ['E: Failed to fetch http://mirror.example/x.deb  Could not connect to mirror.example:80']],
    [
      'tls-inspection',
      EXIT_1,
      ['Err:1 https://mirror.example x', 'Certificate verification failed: The certificate is NOT trusted.'],
    ],
    ['tls-inspection', EXIT_1, ['npm error unable to get local issuer certificate']],
    ['failing-step', EXIT_1, ['added 429 packages in 3s', 'npm error code 1']],
    ['failing-step', EXIT_1, ["PermissionError: [Errno 13] Permission denied: '/x'"]],
    ['failing-step', EXIT_1, ['src/unauthorized.ts(3,4): error TS2322']],
    ['registry-denied', EXIT_1, ['ERROR: HTTP error 403 while getting https://pypi.example/x']],
    ['registry-denied', EXIT_1, ['WARNING: 401 Error, Credentials not correct for https://pypi.example/simple/x/']],
    ['registry-error', EXIT_1, [' ERR_PNPM_FETCH_503  GET https://registry.example/x: Service Unavailable - 503']],
    [
      'no-network',
      EXIT_1,
      ['NewConnectionError: Failed to establish a new connection: [Errno 111] Connection refused'],
    ],
    ['no-network', EXIT_1, ['npm error code EHOSTUNREACH']],
    [
      'no-network',
      'failed to resolve source metadata for docker.io/library/node:24: failed to do request: Head "https://registry.example/v2/": EOF',
      [],
    ],
    ['no-network', 'failed to do request: Head "https://registry.example/v2/": Proxy Authentication Required', []],
    [
      'no-network',
      'failed to do request: Head "https://registry.example/v2/": remote error: tls: handshake failure',
      [],
    ],
    ['no-network', EXIT_1, ["Err:1 http://mirror.example bookworm InRelease  Could not resolve 'mirror.example'"]],
    ['no-network', EXIT_1, ['curl: (6) Could not resolve host: mirror.example']],
    ['failing-step', EXIT_1, ['ERROR: Could not resolve "./missing"']],
    ['failing-step', EXIT_1, ["Could not resolve './foo.js' in src/index.ts"]],
    ['failing-step', EXIT_1, ['npm error ERESOLVE could not resolve']],
    ['failing-step', EXIT_1, ['+ cat <<EOF', 'sh: unexpected EOF']],
    ['registry-without-tls', 'failed to do request: http: server gave HTTP response to HTTPS client', []],
    ['no-such-platform', 'node:24: no match for platform in manifest: not found', []],
    [
      'failing-step',
      'process "/bin/sh -c apt install curl, git" did not complete successfully: exit code: 7',
      ['E: Unable to locate package jqq'],
    ],
  ])('%s: %s', (kind, error, lines) => {
    const failure = explainBuildFailure(failing(error, lines), '', 1);
    expect(failure.kind).toBe(kind);
    expect(failure.reason).toContain('stage dependencies');
    expect(failure.lines).toEqual(lines);
    expect(failure.hint).not.toBe('');
  });

  it.each([
    ['engine-gone', 'ERROR: Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?'],
    [
      'engine-gone',
      'ERROR: failed to build: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF',
    ],
    ['image-store', 'ERROR: OCI exporter is not supported for the docker driver.'],
    ['build-failed', 'ERROR: something never seen'],
  ])('%s, without a step: %s', (kind, output) => {
    expect(explainBuildFailure(new Map(), output, 1)).toMatchObject({ kind, lines: [output] });
  });

  it('names the registry to log in to', () => {
    const step = explainBuildFailure(failing(EXIT_1, ['npm error code E401']), '', 1);
    expect(step).toMatchObject({ kind: 'registry-denied', hint: expect.stringContaining('~/.npmrc') });
    const push = explainBuildFailure(failing('failed to push x: 401 Unauthorized'), '', 1);
    expect(push).toMatchObject({ kind: 'registry-denied', hint: expect.stringContaining('docker login') });
  });

  it('names the platform if there are several', () => {
    const [[, step] = []] = failing(EXIT_1);
    if (step === undefined) throw new Error('no step');
    const other: Step = { ...step, digest: 'b', name: '[linux/arm64 dependencies 3/3] RUN npm ci', state: 'done' };
    const progress = new Map([step, other].map((one) => [one.digest, one]));
    expect(explainBuildFailure(progress, '', 1).reason).toContain('stage dependencies for linux/amd64');
  });

  it('names the step that failed, not one that was cancelled as a consequence', () => {
    const progress = new Map([...failing(EXIT_1)]);
    const cancelled = new Map([
      ['b', { ...(progress.get('a') as Step), digest: 'b', stage: 'system', error: 'context canceled' }],
      ...progress,
    ]);
    expect(explainBuildFailure(cancelled, '', 1).reason).toContain('stage dependencies');
  });
});

describe('the lines of a failed step', () => {
  const noise = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `line ${index}`);

  it('are the last ones', () => {
    expect(relevantLines(noise(30))).toEqual(noise(30).slice(-10));
    expect(relevantLines(noise(3))).toEqual(noise(3));
  });

  it.each([
    'src/a.ts(3,7): error TS2307: Cannot find module',
    "Error: Cannot find module '/app/openclaw.mjs'",
    'TypeError [ERR_UNKNOWN_FILE_EXTENSION]: Unknown file extension',
    'ERR_PNPM_OUTDATED_LOCKFILE Cannot install',
    'npm error code ENOTFOUND',
    'fatal: not a git repository',
    'sh: 1: tsdown: command not found',
    'sh: 1: tsdown: not found',
    '✘ [ERROR] Could not resolve "./missing.js"',
    "ENOENT: no such file or directory, open '/app/data.json'",
    'Traceback (most recent call last):',
    'panic: runtime error: index out of range',
    ' FAIL  test/a.test.ts',
  ])('begin with the first error: %s', (error) => {
    const lines = relevantLines([...noise(5), error, ...noise(30)]);
    expect(lines).toHaveLength(10);
    expect(lines.slice(0, 5)).toEqual([error, 'line 0', 'line 1', 'line 2', '…']);
    expect(lines.at(-1)).toBe('line 29');
  });

  it.each([
    'exporting layers',
    'extracting 3 EXAMPLES',
    'Already up to date',
    '0 errors, 2 warnings',
    'errors.ts was compiled',
    'warning: Error handling is experimental',
    'npm warn deprecated: Error has no cause',
    '(node:7) Warning: TypeError is thrown',
  ])('do not take this for an error: %s', (line) => {
    expect(relevantLines([line, ...noise(30)])).toEqual(noise(30).slice(-10));
  });

  it('contain no stack frames, which would push the error out', () => {
    const frames = Array.from({ length: 20 }, (_, index) => `    at run (file:///app/a.mjs:${index}:1)`);
    expect(relevantLines(['Error: no such module', ...frames, '', 'Node.js v24.1.0'])).toEqual([
      ...['Error: no such module', '', 'Node.js v24.1.0'],
    ]);
  });
});

it('a network request is explained as an install without a lock, if an install script makes it', () => {
  const error = 'process "/bin/sh -c node run.mjs" did not complete successfully: exit code: 1';
  const [step] = failing(error, ['TypeError: fetch failed', 'cause: getaddrinfo EAI_AGAIN example.org']).values();
  if (step === undefined) throw new Error('there is a step');
  const kindIn = (stage: string) => explainBuildFailure(new Map([['a', { ...step, stage }]]), '', 1).kind;
  expect(['package', 'dependencies'].map(kindIn)).toEqual(['unlocked-install', 'no-network']);
});
