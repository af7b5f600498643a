import { describe, expect, it } from 'vitest';
import { explainBuildFailure } from '../../../build/engine/build-failure.ts';
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

/** What BuildKit, npm, apt, pip and registries say, word for word. */
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
  ])('%s: %s', (kind, error, lines) => {
    const explanation = explainBuildFailure(failing(error, lines), '', 1);
    expect(explanation.kind).toBe(kind);
    expect(explanation.reason).toContain('stage dependencies');
    expect(explanation.lines).toEqual(lines);
    expect(explanation.wayOut).not.toBe('');
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

  it('names the step that failed, not one that was cancelled because of it', () => {
    const progress = new Map([...failing(EXIT_1)]);
    const cancelled = new Map([
      ['b', { ...(progress.get('a') as Step), digest: 'b', stage: 'system', error: 'context canceled' }],
      ...progress,
    ]);
    expect(explainBuildFailure(cancelled, '', 1).reason).toContain('stage dependencies');
  });
});
