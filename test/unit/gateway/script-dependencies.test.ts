import { describe, expect, it } from 'vitest';
import { scriptDependencies, withDependencies } from '../../../build/gateway/script-dependencies.ts';

const SCRIPT = 'scripts/postinstall-bundled-plugins.mjs';
const INSTALLS = 'npmArgs: ["install", "--omit=dev", "--no-save", ...missingSpecs]';
const plugin = (id: string, manifest: object): readonly [string, string] => [
  `dist/extensions/${id}/package.json`,
  JSON.stringify({ name: id, ...manifest }),
];
const NOTHING = { dependencies: {}, optionalDependencies: {} };

describe('the dependencies that an install script of the gateway would fetch', () => {
  it('are those of its plugins; the first plugin decides the version', () => {
    const files = new Map([
      [SCRIPT, INSTALLS],
      plugin('slack', { dependencies: { ms: '2.1.2', '@slack/bolt': '^4.6.0' } }),
      plugin('discord', { dependencies: { ms: '^2.1.3' }, optionalDependencies: { '@discordjs/opus': '^0.10.0' } }),
      plugin('own', {
        dependencies: { '@openclaw/x': 'workspace:*', other: 'git+ssh://host/x', alias: 'npm:ms@2.1.3' },
      }),
    ]);
    expect(scriptDependencies(files)).toEqual({
      dependencies: { ms: '^2.1.3', '@slack/bolt': '^4.6.0', alias: 'npm:ms@2.1.3' },
      optionalDependencies: { '@discordjs/opus': '^0.10.0' },
    });
  });

  it.each([
    ['2026.4.15', INSTALLS],
    ['2026.3.31', 'exec(`npm install --omit=dev --no-save --package-lock=false ${missingSpecs.join(" ")}`)'],
  ])('are found in the script of %s', (_, script) => {
    const files = new Map([[SCRIPT, script], plugin('slack', { dependencies: { ms: '2.1.2' } })]);
    expect(scriptDependencies(files).dependencies).toEqual({ ms: '2.1.2' });
  });

  it.each([
    ['no such script', []],
    ['a script that installs nothing', [[SCRIPT, 'prune()'] as const]],
  ])('are none with %s', (_, script) => {
    const files = new Map([...script, plugin('slack', { dependencies: { ms: '2.1.2' } })]);
    expect(scriptDependencies(files)).toEqual(NOTHING);
  });

  it('do not replace those of the gateway', () => {
    const manifest = {
      private: true,
      dependencies: { ms: '2.0.0' },
      optionalDependencies: { constructor: '1.0.0' },
    } as const;
    const more = {
      dependencies: { ms: '^2.1.3', constructor: '2.0.0', a: '1.0.0' },
      optionalDependencies: { ms: '3.0.0', b: '1.0.0' },
    };
    expect(withDependencies(manifest, more)).toEqual({
      ...manifest,
      dependencies: { ms: '2.0.0', a: '1.0.0' },
      optionalDependencies: { constructor: '1.0.0', b: '1.0.0' },
    });
  });
});
