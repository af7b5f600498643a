import { cp, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cacheFolder } from '../../build/cache-folder.ts';
import { parseReference } from '../../build/oci/reference.ts';
import { openRegistries } from '../../build/oci/registry.ts';
import { ROOT } from '../support/command.ts';
import { makeCheckout } from '../support/make-checkout.ts';
import { createReleaseFixture, type ReleaseFixture, USER } from '../support/release-fixture.ts';
import { evaluate, readWorkflow } from '../support/workflow.ts';

const VERSION = '2026.4.12';

let fixture: ReleaseFixture;
/** The folder of a job's steps: the scripts of this project, and the gateway's sources. */
let workspace = '';
/** Replaces the effects of a job's actions. */
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  fixture = await createReleaseFixture();
  workspace = await mkdtemp(join(fixture.folder, 'workspace-'));
  await symlink(join(ROOT, 'scripts'), join(workspace, 'scripts'));
  const checkout = await makeCheckout('new');
  await cp(checkout, join(workspace, 'gateway'), { recursive: true, verbatimSymlinks: true });
  await rm(checkout, { recursive: true });
  await execa('git', ['-C', join(workspace, 'gateway'), 'tag', `v${VERSION}`]);
  await rm(cacheFolder('releases'), { recursive: true, force: true });
  environment = {
    ...fixture.environment,
    DOCKER_HOST: inject('engine').host,
    CI: 'true',
    NO_COLOR: '1',
    INIT_CWD: workspace,
    OPENCLAW_RELEASE_BASE: fixture.base,
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'openclaw/openclaw',
    GITHUB_RUN_ID: '4711',
    GITHUB_SHA: 'a'.repeat(40),
    GITHUB_STEP_SUMMARY: join(workspace, 'summary.md'),
    GITHUB_OUTPUT: join(workspace, 'output'),
  };
});
afterAll(async () => {
  await rm(cacheFolder('releases'), { recursive: true, force: true });
  await fixture.tearDown();
});

/** Actions whose effect the test environment already has: a checkout, an engine, logins, files. */
const DONE = [
  'actions/checkout',
  'actions/upload-artifact',
  'actions/download-artifact',
  'docker/setup-docker-action',
  'docker/login-action',
  'sigstore/cosign-installer',
];

const registries = (): readonly string[] => [`${fixture.open.address}/openclaw`, `${fixture.closed.address}/openclaw`];

/** Runs every step of a job, as a runner would. */
async function runJob(
  workflowName: string,
  jobName: string,
  expressions: Readonly<Record<string, string>>,
  variants = 'default',
): Promise<string> {
  const workflow = readWorkflow(workflowName);
  const job = workflow.jobs[jobName];
  if (job === undefined) throw new Error(`there is no job ${jobName}`);
  // Replaces what this machine does not have: other registries, another processor, the browser's download.
  const here = { REGISTRIES: registries().join(','), PLATFORMS: 'linux/amd64', VARIANTS: variants };
  const evaluated = (env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(env).map(([name, value]) => [name, evaluate(value, expressions)]));
  let output = '';
  for (const step of job.steps ?? []) {
    if (step.uses !== undefined) expect(DONE).toContain(step.uses.replace(/@.*/, ''));
    if (step.run === undefined) continue;
    const env = {
      ...environment,
      ...evaluated(workflow.env),
      ...here,
      ...evaluated(job.env),
      ...evaluated(step.env),
    };
    const { exitCode, all } = await execa('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run], {
      cwd: workspace,
      env,
      all: true,
      reject: false,
    });
    expect(exitCode, `${jobName}: ${step.run}\n${all}`).toBe(0);
    output += all;
  }
  return output;
}

async function runRelease(
  inputs: { readonly ref?: string; readonly event?: string; readonly date?: string; readonly base?: string },
  ref: string,
  variants?: string,
) {
  const expressions = {
    'inputs.ref || github.ref': inputs.ref ?? ref,
    "inputs.event || (inputs.ref && !startsWith(inputs.ref, 'base/') && 'backfill' || 'push')":
      inputs.event ?? (inputs.ref === undefined ? 'push' : 'backfill'),
    'inputs.date': inputs.date ?? '',
    'inputs.base': inputs.base ?? fixture.base,
    'vars.RELEASE_EXTENSIONS': '',
  };
  await writeFile(join(workspace, 'summary.md'), '');
  await writeFile(join(workspace, 'output'), '');
  await runJob('release', 'plan', expressions, variants);
  const planned = await readFile(join(workspace, 'output'), 'utf8');
  const date = /^date=(\d{8})$/m.exec(planned)?.[1] ?? '';
  expect(date, planned).toMatch(inputs.date === undefined ? /^20\d{6}$/ : new RegExp(`^${inputs.date}$`));
  for (const entry of readWorkflow('release').jobs['build']?.strategy?.matrix.include ?? []) {
    // This machine has one processor. The line of the other one is the same.
    if (entry['platform'] !== 'linux/amd64') continue;
    const here = { 'matrix.platform': entry['platform'] ?? '', 'needs.plan.outputs.date': date };
    await runJob('release', 'build', { ...expressions, ...here }, variants);
  }
  await runJob('release', 'publish', expressions, variants);
  return readFile(join(workspace, 'summary.md'), 'utf8');
}

async function tagsOf(repository: string): Promise<Readonly<Record<string, string | undefined>>> {
  const { XDG_CONFIG_HOME = '' } = fixture.environment;
  process.env['XDG_CONFIG_HOME'] = XDG_CONFIG_HOME;
  const read = openRegistries({
    credentials: async () => ({ kind: 'password', user: USER.name, password: USER.password }),
    retries: { seconds: 5, onWait: () => {} },
  });
  const names = (await read.tags(parseReference(repository))).filter((name) => !/^(?:release|decision)-/.test(name));
  const digests = names.map(async (name) => (await read.document(parseReference(repository), name))?.descriptor.digest);
  return Object.fromEntries((await Promise.all(digests)).map((digest, index) => [names[index] ?? '', digest]));
}

describe('the commands of the workflows, with local registries', () => {
  it('publish a tag, and write the plan and the result to the job summary', async () => {
    const summary = await runRelease({}, `refs/tags/v${VERSION}`, 'default,slim');
    const [first = '', mirror = ''] = registries();
    const tags = await tagsOf(first);
    expect(Object.keys(tags)).toEqual(expect.arrayContaining([VERSION, `${VERSION}-amd64`, 'latest', 'slim']));
    expect(await tagsOf(mirror)).toEqual(tags);
    expect(summary).toContain(`### Plan: \`refs/tags/v${VERSION} (push): ${VERSION}\``);
    expect(summary).toMatch(/### Published 2026\.4\.12 in .*: 16 tags/);
  });

  it('build the published image again without a cache, and find every layer equal', async () => {
    const output = await runJob('reproduce', 'reproduce', {
      "inputs.tag || 'main'": 'latest',
      'vars.RELEASE_EXTENSIONS': '',
    });
    expect(output).toMatch(/all \d+ layers are equal/);
  });

  it('publish main', { tags: ['nightly'] }, async () => {
    await runRelease({}, 'refs/heads/main');
    expect(Object.keys(await tagsOf(registries()[0] ?? ''))).toContain('main');
  });

  it('refresh the newest release if its base is not the pinned one', async () => {
    await writeFile(join(workspace, 'output'), '');
    await runJob('refresh', 'look', {});
    const output = await readFile(join(workspace, 'output'), 'utf8');
    const found = Object.fromEntries(
      output
        .trim()
        .split('\n')
        .map((line) => line.split('=')),
    ) as Record<string, string>;
    expect(found).toMatchObject({
      ref: `refs/tags/v${VERSION}`,
      stale: 'true',
      date: expect.stringMatching(/^20\d{6}$/),
    });
    const { ref = '', date = '' } = found;
    const [first = ''] = registries();
    // A run base has no gateway, so its jobs do not check one out.
    const [gateway, aside] = ['gateway', 'aside'].map((name) => join(workspace, name)) as [string, string];
    await rename(gateway, aside);
    await runRelease({ ref: 'base/24', event: 'push', date }, 'refs/heads/main');
    await rename(aside, gateway);
    await rm(join(workspace, 'release-images'), { recursive: true });
    await runRelease({ ref, event: 'refresh', date, base: `${first}:base-24-${date}` }, 'refs/heads/main');
    const tags = await tagsOf(first);
    expect(tags[`base-24-${date}`]).toBeDefined();
    expect(tags['latest']).toBe(tags[`${VERSION}-r${date}`]);
    expect(tags[VERSION]).not.toBe(tags['latest']);
  });

  it('move latest back, and the refresh does not take it again', async () => {
    const [first = '', mirror = ''] = registries();
    const before = await tagsOf(first);
    const expressions = { 'inputs.channel': 'latest', 'inputs.release': VERSION, 'inputs.reason': 'a bad base' };
    const listed = await runJob('promote', 'plan', expressions);
    expect(listed).toContain('Nothing was written.');
    expect(await tagsOf(first)).toEqual(before);
    await runJob('promote', 'promote', expressions);
    const tags = await tagsOf(first);
    expect(tags['latest']).toBe(tags[VERSION]);
    expect(tags['slim']).toBe(tags[`${VERSION}-slim`]);
    expect(await tagsOf(mirror)).toEqual(tags);
    await writeFile(join(workspace, 'output'), '');
    await runJob('refresh', 'look', {});
    expect(await readFile(join(workspace, 'output'), 'utf8')).toContain(`ref=refs/tags/v${VERSION}\n`);
  });

  it('publish a pull request, which expires and has no record', async () => {
    const [first = ''] = registries();
    const gateway = join(workspace, 'gateway');
    const author = ['-c', 'user.name=A', '-c', 'user.email=a@example.com'];
    await execa('git', ['-C', gateway, ...author, 'commit', '--quiet', '--allow-empty', '--message', 'Try it']);
    const { stdout: commit } = await execa('git', ['-C', gateway, 'rev-parse', 'HEAD']);
    await rm(join(workspace, 'release-images'), { recursive: true, force: true });
    const before = await tagsOf(first);
    const expressions = { 'github.ref': 'refs/pull/12/merge', 'vars.RELEASE_EXTENSIONS': '' };
    for (const job of ['build', 'publish']) await runJob('preview', job, expressions);
    const { 'pr-12': digest, [`sha-${commit.slice(0, 7)}`]: same, ...others } = await tagsOf(first);
    expect(same).toBe(digest);
    expect(others).toEqual(before);
    const repository = parseReference(first);
    const read = openRegistries({ credentials: async () => undefined, retries: { seconds: 5, onWait: () => {} } });
    expect(await read.document(repository, 'release-pr-12')).toBeUndefined();
    const image = await read.document(repository, digest ?? '');
    const days = (Date.parse(image?.annotations['ai.openclaw.image.expires'] ?? '') - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(13);
    expect(days).toBeLessThan(14);
    const { exitCode, stderr } = await fixture.run(
      ...['release', 'publish', ...fixture.common(registries()), '--ref', 'refs/pull/12/merge', '--sign', 'keyless'],
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain('cannot sign the images of a pull request');
  });

  it('build and verify the same as the README', () => {
    const { test, image } = readWorkflow('ci').jobs;
    const lines = [test, image].flatMap((job) => job?.steps?.flatMap(({ run }) => run ?? []) ?? []);
    // The first command runs this test. The second one starts the tests. The third one is the end-to-end test of the image.
    expect(lines.slice(0, -1)).toEqual([
      'npm test',
      'npm run image:build',
      'npm run image:verify -- openclaw:local --budget dockerfiles/budget.json',
    ]);
    expect(lines.at(-1)).toContain('openclaw:local --markdown');
  });

  it('compare the image of a pull request with that of main, on the page of the run and in a report', async () => {
    const [first = ''] = registries();
    const summary = join(workspace, 'summary.md');
    await writeFile(summary, '');
    const [compare = ''] =
      readWorkflow('ci')
        .jobs['image']?.steps?.flatMap(({ run }) => run ?? [])
        .slice(-1) ?? [];
    // The image that the test before published stands for that of main.
    const lines = compare.replaceAll('ghcr.io/openclaw/openclaw:main', `${first}:pr-12`);
    expect(lines).not.toBe(compare);
    const { exitCode, all } = await execa('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', lines], {
      cwd: workspace,
      env: { ...environment, GITHUB_EVENT_NAME: 'pull_request', GITHUB_STEP_SUMMARY: summary },
      all: true,
      reject: false,
    });
    expect(exitCode, all).toBe(0);
    const text = await readFile(summary, 'utf8');
    expect(text).toContain(`### \`${first}:pr-12\` → \`openclaw:local\``);
    expect(text).toMatch(/A host that has the first image pulls \*\*[\d.]+ MB\*\*/);
    expect(await readFile(join(workspace, 'report.html'), 'utf8')).toContain(`${first}:pr-12 → openclaw:local`);
  });
});
