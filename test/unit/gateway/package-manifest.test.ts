import { describe, expect, it } from 'vitest';
import { parseBuildInfo } from '../../../build/gateway/package-json.ts';
import {
  allowedScripts,
  ownInstallScripts,
  repositoryUrl,
  withAllowedScripts,
  withOverrides,
} from '../../../build/gateway/package-manifest.ts';
import { RequestError } from '../../../build/problem.ts';
import { dependencyManifest } from '../../../build/steps/dependency-manifest.mjs';

const MANIFEST = { name: 'openclaw', version: '2026.9.6' };

describe('dependencyManifest', () => {
  it('does not depend on the version or on development dependencies', () => {
    const dependencies = { zod: '4.6.5' };
    const one = dependencyManifest({ ...MANIFEST, dependencies });
    const newer = { version: '2026.9.7', description: 'new', scripts: { postinstall: 'x' }, dependencies };
    const other = dependencyManifest(newer);
    expect(one).toEqual(other);
  });

  it('omits bundled dependencies', () => {
    const dependencies = { zod: '1', carried: '2' };
    expect(dependencyManifest({ ...MANIFEST, dependencies, bundleDependencies: ['carried'] }).dependencies).toEqual({
      zod: '1',
    });
    expect(dependencyManifest({ ...MANIFEST, dependencies, bundledDependencies: true }).dependencies).toEqual({});
  });

  it('names an optional dependency once', () => {
    const manifest = dependencyManifest({
      ...MANIFEST,
      dependencies: { a: '1', b: '1' },
      optionalDependencies: { b: '1' },
    });
    expect(manifest).toMatchObject({ dependencies: { a: '1' }, optionalDependencies: { b: '1' } });
  });
});

describe('allowedScripts', () => {
  const all = ['esbuild', 'koffi', 'protobufjs'];
  it.each([
    ['allowBuilds', 'allowBuilds:\n  koffi: false\n  protobufjs: true\n', {}, ['protobufjs']],
    ['onlyBuiltDependencies', 'onlyBuiltDependencies:\n  - esbuild\n', {}, ['esbuild']],
    ['package.json', undefined, { pnpm: { onlyBuiltDependencies: ['koffi'] } }, ['koffi']],
    ['no list', undefined, {}, all],
    ['versions', "onlyBuiltDependencies:\n  - 'esbuild@0.27.0 || 0.28.0'\n  - koffi@1.0.0\n", {}, ['esbuild']],
    ['versions in allowBuilds', "allowBuilds:\n  'esbuild@0.28.0': true\n", {}, ['esbuild']],
    ['neverBuiltDependencies', 'neverBuiltDependencies:\n  - koffi\n', {}, ['esbuild', 'protobufjs']],
    ['dangerouslyAllowAllBuilds', 'dangerouslyAllowAllBuilds: true\nonlyBuiltDependencies:\n  - koffi\n', {}, all],
  ])('by %s', async (_, yaml, fields, allowed) => {
    const versions = new Map(Object.entries({ esbuild: ['0.28.0'], koffi: ['2.0.0'] }));
    expect(await allowedScripts({ ...MANIFEST, ...fields }, yaml, all, versions)).toEqual(allowed);
  });

  it('is written for npm, and denies all other packages', () => {
    const text = withAllowedScripts(dependencyManifest({}), all, ['koffi']);
    expect(JSON.parse(text).allowScripts).toEqual({ esbuild: false, koffi: true, protobufjs: false });
  });
});

it("runs the package's own scripts in npm's order", () => {
  expect(ownInstallScripts({ ...MANIFEST, scripts: { postinstall: 'b', test: 'x', preinstall: 'a' } })).toEqual([
    'preinstall',
    'postinstall',
  ]);
});

it.each([
  ['git+https://github.com/openclaw/openclaw.git', 'https://github.com/openclaw/openclaw'],
  ['git://github.com/openclaw/openclaw.git', 'https://github.com/openclaw/openclaw'],
  ['ssh://git@github.com/openclaw/openclaw', 'https://github.com/openclaw/openclaw'],
  ['openclaw/openclaw', 'https://github.com/openclaw/openclaw'],
  ['github:openclaw/openclaw', 'https://github.com/openclaw/openclaw'],
  ['git@github.com:openclaw/openclaw.git', 'https://github.com/openclaw/openclaw'],
  ['gitlab:me/openclaw', 'https://gitlab.com/me/openclaw'],
  ['https://github.com/me/openclaw/tree/main/gateway', 'https://github.com/me/openclaw'],
  ['https://me:secret@github.com/me/openclaw.git', 'https://github.com/me/openclaw'],
  ['https://me:secret@git.example.org/me/openclaw.git', 'https://git.example.org/me/openclaw'],
  ['git+ssh://git@git.example.org/me/openclaw.git', 'https://git.example.org/me/openclaw'],
  // Releases before 2026.3 do not name it.
  ['', 'https://github.com/openclaw/openclaw'],
])('%s is %s', (url, address) => {
  expect(repositoryUrl({ ...MANIFEST, repository: url })).toBe(address);
  expect(repositoryUrl({ ...MANIFEST, repository: { url } })).toBe(address);
});

describe('overrides', () => {
  const manifest = { private: true, dependencies: { a: '^1.0.0' }, optionalDependencies: { b: '2.0.0' } } as const;

  it('replace direct dependencies in their place, and others at any depth', () => {
    expect(withOverrides(manifest, { a: '1.5.0', b: 'npm:c@2.1.0', deep: '3.0.0' })).toEqual({
      private: true,
      dependencies: { a: '1.5.0' },
      optionalDependencies: { b: 'npm:c@2.1.0' },
      overrides: { a: '1.5.0', b: 'npm:c@2.1.0', deep: '3.0.0' },
    });
  });

  it('change nothing if there are none', () => {
    expect(withOverrides(manifest)).toBe(manifest);
    expect(withOverrides(manifest, {})).toBe(manifest);
  });
});

it('accepts build information without a commit, as in release 2026.3.23-1', () => {
  expect(parseBuildInfo('{"version":"2026.3.23-1","commit":null}', 'dist/build-info.json').commit ?? '').toBe('');
  expect(() => parseBuildInfo('{"commit":1}', 'dist/build-info.json')).toThrow(RequestError);
});
