import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { readCheckout } from '../../build/gateway/checkout.ts';
import { openGit } from '../../build/gateway/git.ts';
import { filesThatDiffer, readGitRevision } from '../../build/gateway/git-revision.ts';
import { temporaryCheckout } from '../support/temporary-checkout.ts';

let folder = '';
let checkout = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-security-'));
  checkout = join(folder, 'checkout');
  await mkdir(checkout);
  await $`git -C ${checkout} init --quiet`;
  await writeFile(join(checkout, 'package.json'), '{}');
  await writeFile(join(checkout, '.gitignore'), 'ignored\n');
  await writeFile(join(checkout, 'tracked'), 'a');
  await writeFile(join(checkout, 'touched'), 'a');
  await $`git -C ${checkout} add .`;
  await $`git -C ${checkout} -c user.name=someone -c user.email=someone@example.org commit --quiet --message first`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that leaves a file behind when it runs. */
async function trap(): Promise<string> {
  const program = join(folder, 'trap');
  await writeFile(program, `#!/bin/sh\ntouch ${folder}/ran\nexit 1\n`);
  await chmod(program, 0o755);
  return program;
}
/** Gives the commit a signature, which is not valid. */
async function signCommit(): Promise<void> {
  const { stdout } = await $`git -C ${checkout} cat-file commit HEAD`;
  const signature = 'gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n';
  const signed = stdout.replace('\n\n', `\n${signature}\n`);
  const id = await $({ input: signed })`git -C ${checkout} hash-object -t commit -w --stdin`;
  await $`git -C ${checkout} update-ref HEAD ${id.stdout.trim()}`;
}
const hasRun = (): boolean => existsSync(join(folder, 'ran'));

describe('a checkout whose settings name a program', () => {
  it.each([
    ['core.fsmonitor', (program: string) => `[core]\n\tfsmonitor = ${program}\n`],
    ['a filter', (program: string) => `[filter "x"]\n\tclean = ${program}\n\tsmudge = ${program}\n\trequired = true\n`],
    ['a filter whose name contains =', (program: string) => `[filter "a=b"]\n\tclean = ${program}\n`],
    ['a filter process', (program: string) => `[filter "x.y"]\n\tprocess = ${program}\n`],
    ['an included file', (program: string) => `[include]\n\tpath = ${program}.config\n`],
    ['gpg', (program: string) => `[log]\n\tshowSignature = true\n[gpg]\n\tprogram = ${program}\n`],
    ['hooks', () => `[core]\n\thooksPath = ${folder}/hooks\n`],
  ])('does not run it: %s', async (_, settings) => {
    const program = await trap();
    await writeFile(`${program}.config`, `[core]\n\tfsmonitor = ${program}\n[filter "x"]\n\tclean = ${program}\n`);
    await mkdir(join(folder, 'hooks'));
    for (const hook of ['post-index-change', 'fsmonitor-watchman'])
      await writeFile(join(folder, 'hooks', hook), `#!/bin/sh\ntouch ${folder}/ran\n`, { mode: 0o755 });
    await writeFile(join(checkout, '.gitattributes'), '* filter=x\n');
    await appendFile(join(checkout, '.git/info/attributes'), 'package.json filter=x.y\n.gitignore filter=a=b\n');
    await appendFile(join(checkout, '.git/config'), settings(program));
    // The sizes stay: otherwise git sees without a filter that a file was changed.
    await writeFile(join(checkout, 'package.json'), '[]');
    await writeFile(join(checkout, '.gitignore'), 'ignores\n');
    await writeFile(join(checkout, 'tracked'), 'b');
    // A file with a new time and the same contents: git status writes the index, which runs a hook.
    await utimes(join(checkout, 'touched'), 0, 0);
    await signCommit();
    await readGitRevision(checkout).catch(() => {});
    await (await openGit(checkout))('rev-parse', '--verify', '--quiet', 'refs/tags/v1^{commit}');
    expect(hasRun()).toBe(false);
    // The trap works: the same commands without our switches run it.
    const plain = $({ nothrow: true, quiet: true });
    await plain`git -C ${checkout} status`;
    await plain`git -C ${checkout} log -1`;
    expect(hasRun()).toBe(true);
  });
});

const COMMIT = ['-c', 'user.name=x', '-c', 'user.email=x@example.org', 'commit', '--quiet', '--message', 'x'];

it('runs no program that a submodule names', async () => {
  const program = await trap();
  const inner = join(folder, 'inner');
  const commit = [...COMMIT, '--all'];
  await $`git init --quiet ${inner}`;
  await writeFile(join(inner, 'file'), 'a');
  await $`git -C ${inner} add .`;
  await $`git -C ${inner} ${commit}`;
  await $`git -C ${checkout} -c protocol.file.allow=always submodule --quiet add ${inner} sub`;
  await $`git -C ${checkout} ${commit}`;
  const settings = (await $`git -C ${join(checkout, 'sub')} rev-parse --absolute-git-dir`).stdout.trim();
  await appendFile(join(settings, 'config'), `[filter "x"]\n\tclean = ${program}\n`);
  await mkdir(join(settings, 'info'), { recursive: true });
  await writeFile(join(settings, 'info/attributes'), '* filter=x\n');
  await writeFile(join(checkout, 'sub/file'), 'b');
  const { revision } = await readGitRevision(checkout);
  expect(hasRun()).toBe(false);
  // A release counts it as changed: its files are those of another repository.
  expect(await filesThatDiffer(checkout, revision)).toContain('sub');
  await $({ nothrow: true, quiet: true })`git -C ${checkout} status`;
  expect(hasRun()).toBe(true);
});

it('with a submodule at another commit is changed', async () => {
  const commit = [...COMMIT, '--allow-empty'];
  const inner = join(folder, 'inner');
  await $`git init --quiet ${inner}`;
  await $`git -C ${inner} ${commit}`;
  await $`git -C ${checkout} -c protocol.file.allow=always submodule --quiet add ${inner} sub`;
  await $`git -C ${checkout} ${commit}`;
  expect((await readGitRevision(checkout)).dirty).toBe(false);
  await $`git -C ${join(checkout, 'sub')} ${commit}`;
  expect((await readGitRevision(checkout)).dirty).toBe(true);
});

describe('the state of a checkout', () => {
  it('is not clean if git cannot tell', async () => {
    await writeFile(join(checkout, '.git/index'), 'damaged');
    await expect(readGitRevision(checkout)).rejects.toMatchObject({
      problems: [{ source: '--source', reason: expect.stringMatching(/index file|bad signature/) }],
    });
  });

  it('tells of files that git does not report', async () => {
    await writeFile(join(checkout, 'ignored'), 'x');
    await $`git -C ${checkout} update-index --assume-unchanged package.json`;
    await writeFile(join(checkout, 'package.json'), '{ "changed": true }');
    const { dirty, unseen } = await readGitRevision(checkout);
    expect(dirty).toBe(false);
    expect(unseen).toEqual(['ignored', 'package.json']);
  });

  it.each<readonly [string, () => Promise<void>]>([
    [
      'untracked files, by status.showUntrackedFiles',
      async () => {
        await $`git -C ${checkout} config status.showUntrackedFiles no`;
        await writeFile(join(checkout, 'new'), 'x');
      },
    ],
    [
      'a changed mode, by core.fileMode',
      async () => {
        await $`git -C ${checkout} config core.fileMode false`;
        await chmod(join(checkout, 'tracked'), 0o755);
      },
    ],
    [
      'a file in the place of a link, by core.symlinks',
      async () => {
        await symlink('package.json', join(checkout, 'link'));
        await $`git -C ${checkout} add link`;
        await $`git -C ${checkout} -c user.name=x -c user.email=x@example.org commit --quiet --message link`;
        await $`git -C ${checkout} config core.symlinks false`;
        await rm(join(checkout, 'link'));
        await writeFile(join(checkout, 'link'), 'package.json');
      },
    ],
    ...(process.platform === 'linux'
      ? [
          [
            'an added file whose name differs in its case, by core.ignoreCase',
            async () => {
              await $`git -C ${checkout} config core.ignoreCase true`;
              await writeFile(join(checkout, 'Tracked'), 'x');
            },
          ] as const,
        ]
      : []),
    [
      'other contents, by a replaced commit',
      async () => {
        const first = (await $`git -C ${checkout} rev-parse HEAD`).stdout.trim();
        await writeFile(join(checkout, 'tracked'), 'other');
        await $`git -C ${checkout} -c user.name=x -c user.email=x@example.org commit --quiet --all --message second`;
        const second = (await $`git -C ${checkout} rev-parse HEAD`).stdout.trim();
        await $`git -C ${checkout} update-ref HEAD ${first}`;
        await $`git -C ${checkout} replace ${first} ${second}`;
      },
    ],
  ])('is not clean if its settings hide %s', async (_, hide) => {
    await hide();
    expect((await $`git -C ${checkout} status --porcelain`).stdout).toBe('');
    expect((await readGitRevision(checkout)).dirty).toBe(true);
  });

  it('is refused if git waits for ever', async () => {
    await rm(join(checkout, '.git/info/exclude'), { force: true });
    await $`mkfifo ${join(checkout, '.git/info/exclude')}`;
    const output = await (await openGit(checkout, 1000))('status', '--porcelain');
    expect(output).toMatchObject({ message: 'git status did not end within 1 s' });
    expect(output.exitCode).not.toBe(0);
  });

  it('is refused if its settings name the files of another folder', async () => {
    const clean = join(folder, 'clean');
    await $`git clone --quiet ${checkout} ${clean}`;
    await $`git -C ${checkout} config core.worktree ${clean}`;
    await writeFile(join(checkout, 'tracked'), 'other');
    expect((await $`git -C ${checkout} status --porcelain`).stdout).toBe('');
    await expect(readGitRevision(checkout)).rejects.toMatchObject({
      problems: [{ reason: expect.stringContaining(`its configuration names the files of another folder: ${clean}`) }],
    });
  });

  it('is found by contents if its index says that a changed file is unchanged', async () => {
    const revision = (await $`git -C ${checkout} rev-parse HEAD`).stdout.trim();
    const id = (await $`git -C ${checkout} rev-parse HEAD:tracked`).stdout.trim();
    expect(await filesThatDiffer(checkout, revision)).toEqual([]);
    // Times and size of another content under the id of the committed one.
    const path = join(checkout, 'tracked');
    await utimes(path, 1, 1);
    await $`git -C ${checkout} update-index --refresh`;
    await $`git -C ${checkout} config core.trustctime false`;
    await writeFile(path, 'b');
    await utimes(path, 1, 1);
    expect((await $`git -C ${checkout} status --porcelain`).stdout).toBe('');
    expect((await $`git -C ${checkout} ls-files --stage tracked`).stdout).toContain(id);
    expect(await filesThatDiffer(checkout, revision)).toEqual(['tracked']);
  });

  it('is found if its index says that an added file was committed', async () => {
    const revision = (await $`git -C ${checkout} rev-parse HEAD`).stdout.trim();
    await writeFile(join(checkout, 'added'), 'x');
    await $`git -C ${checkout} add added`;
    expect(await filesThatDiffer(checkout, revision)).toEqual(['added']);
  });

  it('is found by contents if a setting converts line ends', async () => {
    const revision = (await $`git -C ${checkout} rev-parse HEAD`).stdout.trim();
    await writeFile(join(checkout, 'lines'), 'a\nb\n');
    await $`git -C ${checkout} add lines`;
    await $`git -C ${checkout} -c user.name=x -c user.email=x@example.org commit --quiet --message lines`;
    await $`git -C ${checkout} config core.autocrlf true`;
    await writeFile(join(checkout, 'lines'), 'a\r\nb\r\n');
    await $`git -C ${checkout} add lines`;
    expect((await $`git -C ${checkout} status --porcelain`).stdout).toBe('');
    expect(await filesThatDiffer(checkout, 'HEAD')).toEqual(['lines']);
    await expect(filesThatDiffer(checkout, revision.replace(/./g, '0'))).rejects.toMatchObject({ problems: [{}] });
  });

  // Only root can give a folder away.
  it.skipIf(process.getuid?.() !== 0)(
    'names the owner as the problem if the folder belongs to somebody else',
    async () => {
      await $`chown -R 12345 ${checkout}`;
      await expect(readGitRevision(checkout)).rejects.toMatchObject({
        problems: [
          {
            reason: expect.stringContaining('dubious ownership'),
            hint: `if you trust its owner: git config --global --add safe.directory ${checkout}`,
          },
        ],
      });
    },
  );

  it('leaves the checkout as it was', async () => {
    const before = await readdir(join(checkout, '.git'));
    await readGitRevision(checkout);
    expect(await readdir(join(checkout, '.git'))).toEqual(before);
  });
});

it.each(['old', 'new'] as const)('of the layout %s tells of every ignored file that a build reads', async (layout) => {
  const root = await temporaryCheckout(layout);
  await appendFile(join(root, '.git/info/exclude'), 'hidden.*\n');
  const folders = ['docs', 'skills/hello', 'extensions/echo', 'src', 'scripts', 'ui', 'packages/greeting'];
  for (const place of folders) await writeFile(join(root, place, 'hidden.ts'), '');
  const { dirty, unseen } = await readCheckout(root, []);
  expect(dirty).toBe(false);
  expect(unseen).toEqual(folders.map((place) => `${place}/hidden.ts`).sort());
});
