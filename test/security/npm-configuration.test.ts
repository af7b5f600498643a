import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-npmrc-'));
  await writeFile(join(folder, 'package.json'), '{}');
  await writeFile(
    join(folder, '.npmrc'),
    'git=/tmp/trap\nregistry=http://registry.example/\n//registry.example/:_authToken=${SECRET}\n',
  );
});
afterAll(() => rm(folder, { recursive: true }));

/** Reads npm's configuration in a new process, because the module reads it once. */
async function optionsIn(cwd: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const module = join(import.meta.dirname, '../../build/gateway/npm.ts');
  const program = `const { readNpmOptions } = await import(${JSON.stringify(module)});
    process.stdout.write(JSON.stringify(await readNpmOptions()));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await execa(process.execPath, args, { cwd, env: { SECRET: 'hunter2', ...environment } });
  return stdout;
}

it('takes no program, registry or token from the folder in which it runs', async () => {
  const options = await optionsIn(folder);
  expect(options).not.toMatch(/trap|registry\.example|hunter2/);
});

it('takes the configuration of the user', async () => {
  const options = await optionsIn(folder, { npm_config_userconfig: join(folder, '.npmrc') });
  expect(JSON.parse(options)).toMatchObject({ registry: 'http://registry.example/' });
});

it('fetches a dependency from git without the settings of the folder in which it runs', async () => {
  await execa('git', ['init', '--quiet', folder]);
  // With these, git would ask another host, which GIT_ALLOW_PROTOCOL does not allow.
  await execa('git', ['-C', folder, 'config', 'url.http://127.0.0.1:9/.insteadOf', 'https://127.0.0.1:1/']);
  const build = join(import.meta.dirname, '../../build/gateway');
  const program = `const { fetchGitDependency } = await import(${JSON.stringify(join(build, 'git-dependency.ts'))});
    const { readNpmOptions } = await import(${JSON.stringify(join(build, 'npm.ts'))});
    await fetchGitDependency('x@git+https://127.0.0.1:1/x.git', ${JSON.stringify(folder)}, await readNpmOptions())
      .catch((error) => process.stdout.write(error.message));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await execa(process.execPath, args, { cwd: folder });
  expect(stdout).toMatch(/connect/i);
  expect(stdout).not.toContain('not allowed');
});
