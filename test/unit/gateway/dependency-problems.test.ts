import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  assertOverridesUsed,
  missingFromGit,
  unpublishedDependencies,
} from '../../../build/gateway/dependency-problems.ts';
import { RequestError } from '../../../build/problem.ts';

describe('dependencies that are not published', () => {
  const problems = (spec: string, replaced: readonly string[] = []) =>
    unpublishedDependencies({ odd: spec }, 'a.tgz', new Set(replaced));

  it.each([
    ['workspace:*', 'only its workspace can read'],
    ['workspace:^1.2.3', 'only its workspace can read'],
    ['catalog:', 'only its workspace can read'],
    ['catalog:react18', 'only its workspace can read'],
    ['link:../odd', 'only its workspace can read'],
    ['portal:../odd', 'only its workspace can read'],
    ['file:../odd', 'a folder of the host'],
    ['../odd', 'a folder of the host'],
    ['/srv/odd', 'a folder of the host'],
    ['file:odd.tgz', 'a file of the host'],
    ['./odd-1.0.0.tar.gz', 'a file of the host'],
    ['https://example.org/odd.tgz', 'outside of the npm registry'],
    ['http://example.org/odd', 'outside of the npm registry'],
    ['git@example.org:x/odd.git', 'over HTTPS only'],
    ['ftp://example.org/odd.tgz', 'a folder of the host'],
  ])('%s is refused', async (spec, reason) => {
    const [problem, ...others] = await problems(spec);
    expect(problem?.reason).toContain(`odd@${spec}`);
    expect(problem?.reason).toContain(reason);
    expect(problem?.hint).toContain('--override odd=VERSION');
    expect(others).toEqual([]);
  });

  it.each([
    ...['1.2.3', '^1.2.3', '>=1 <3 || 5', '*', '', 'latest', 'npm:other@1.2.3', 'npm:@scope/other@^1'],
    ...['git+https://example.org/odd.git', 'git+https://github.com/x/odd.git#v1', 'github:x/odd', 'x/odd#semver:^1'],
    ...['git+ssh://git@github.com/x/odd.git', 'git@github.com:x/odd.git', 'gitlab:x/odd'],
  ])('%j is not', async (spec) => {
    expect(await problems(spec)).toEqual([]);
  });

  it('accepts what is replaced, and names all others at once', async () => {
    expect(await problems('workspace:*', ['odd'])).toEqual([]);
    const both = { one: 'workspace:*', two: 'file:two' };
    const found = await unpublishedDependencies(both, 'a.tgz', new Set());
    expect(found.map(({ reason }) => reason.slice(0, 14)).sort()).toEqual(['depends on one', 'depends on two']);
  });
});

it('finds optional dependencies from git that npm left out, at any depth, each once', async () => {
  const optionalDependencies = { a: 'github:x/a', b: '^1.0.0', c: 'git+https://example.org/c.git' };
  const packages = { '': { optionalDependencies }, 'node_modules/d': { optionalDependencies: { a: 'github:x/a' } } };
  expect(await missingFromGit(JSON.stringify({ packages }))).toEqual([
    'a@github:x/a',
    'c@git+https://example.org/c.git',
  ]);
});

describe('replacements', () => {
  const used = async (...names: readonly string[]): Promise<unknown> => {
    const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-overrides-'));
    const packages = { '': {}, 'node_modules/libsignal': {}, 'node_modules/a/node_modules/@scope/b': {} };
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
    try {
      return await assertOverridesUsed(Object.fromEntries(names.map((name) => [name, '1.0.0'])), folder).catch(
        (error: unknown) => error,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  it('of packages at any depth are accepted', async () => {
    expect(await used('libsignal', '@scope/b')).toBeUndefined();
  });

  it('of packages that nothing needs are refused, with the nearest names', async () => {
    const error = await used('libsignl', 'a', 'zzzzzzzzzzzz');
    expect(error).toBeInstanceOf(RequestError);
    expect((error as RequestError).problems).toMatchObject([
      { source: '--override', value: 'libsignl=1.0.0', hint: 'did you mean libsignal?' },
      { value: 'a=1.0.0', reason: 'replaces nothing: no package needs it' },
      { value: 'zzzzzzzzzzzz=1.0.0', hint: 'leave it out' },
    ]);
  });
});
