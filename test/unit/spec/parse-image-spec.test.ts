import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { formatReference } from '../../../build/oci/reference.ts';
import type { GivenOptions } from '../../../build/spec/option.ts';
import { parseImageSpec } from '../../../build/spec/parse-image-spec.ts';

const folder = mkdtempSync(join(tmpdir(), 'openclaw-image-spec-'));
const file = (name: string): string => {
  writeFileSync(join(folder, name), '');
  return join(folder, name);
};
afterAll(() => rmSync(folder, { recursive: true }));
const problemsOf = (options: GivenOptions, environment = {}) =>
  parseImageSpec(options, environment).problems.map(({ source, value }) => `${source} ${value}`);

describe('parseImageSpec', () => {
  it('fills in the defaults', () => {
    const { spec, problems } = parseImageSpec({}, {});
    expect(problems).toEqual([]);
    expect(spec.tags.map(formatReference)).toEqual(['docker.io/library/openclaw:local']);
    expect(spec).toMatchObject({
      gateway: { kind: 'registry', selector: 'latest' },
      base: { kind: 'auto' },
      destination: { kind: 'load' },
      platforms: [],
      aptPackages: [],
      ca: undefined,
      sourceDateEpoch: undefined,
    });
  });

  it('reads variables: the newer name before the older one, and a flag before both', () => {
    const environment = {
      OPENCLAW_DOCKER_APT_PACKAGES: 'jq',
      OPENCLAW_IMAGE_APT_PACKAGES: 'ffmpeg git',
      OPENCLAW_EXTENSIONS: 'slack, matrix',
    };
    expect(parseImageSpec({}, environment).spec).toMatchObject({
      aptPackages: ['ffmpeg', 'git'],
      extensions: ['matrix', 'slack'],
    });
    expect(parseImageSpec({}, { OPENCLAW_DOCKER_APT_PACKAGES: 'jq' }).spec.aptPackages).toEqual(['jq']);
    expect(parseImageSpec({ apt: 'curl' }, environment).spec.aptPackages).toEqual(['curl']);
  });

  it('gives the same spec for the same packages in another order, repeated or with commas', () => {
    expect(parseImageSpec({ apt: 'jq, ffmpeg jq' }, {}).spec).toEqual(parseImageSpec({ apt: 'ffmpeg jq' }, {}).spec);
  });

  it.each<[GivenOptions, Record<string, string>, string]>([
    [{ apt: 'jq;reboot' }, {}, '--apt jq;reboot'],
    [{ apt: '$(reboot)' }, {}, '--apt $(reboot)'],
    [{ apt: '`id`' }, {}, '--apt `id`'],
    [{ apt: '-oDebug=1' }, {}, '--apt -oDebug=1'],
    [{ apt: '../x' }, {}, '--apt ../x'],
    [{}, { OPENCLAW_DOCKER_APT_PACKAGES: 'a|b' }, 'OPENCLAW_DOCKER_APT_PACKAGES a|b'],
    [{ pip: 'x"y' }, {}, '--pip x"y'],
    [{ pip: '--index-url=http://evil' }, {}, '--pip --index-url=http://evil'],
    [{ pip: 'git+https://example.com/x' }, {}, '--pip git+https://example.com/x'],
    [{ extensions: '../slack' }, {}, '--extensions ../slack'],
    [{ extensions: 'Slack' }, {}, '--extensions Slack'],
    [{ package: 'express' }, {}, '--package express'],
    [{ package: 'openclaw@^2026' }, {}, '--package openclaw@^2026'],
    [{ package: 'missing.tgz' }, {}, '--package missing.tgz'],
    [{ tag: ['Open:claw'] }, {}, '--tag Open:claw'],
    [{ tag: [`openclaw@sha256:${'a'.repeat(64)}`] }, {}, `--tag openclaw@sha256:${'a'.repeat(64)}`],
    [{ base: 'no base' }, {}, '--base no base'],
    [{ platform: 'windows/amd64' }, {}, '--platform windows/amd64'],
    [{ platform: 'linux/amd64,linux/mips' }, {}, '--platform linux/mips'],
    [{ load: true, push: true, tag: ['r.example/x'] }, {}, '--load --push true true'],
    [{ push: true }, {}, '--push openclaw:local'],
    [{ output: 'type=oci' }, {}, '--output type=oci'],
    [{ output: 'type=tar,dest=-' }, {}, '--output type=tar,dest=-'],
    [{ output: 'type=docker,dest=x.tar' }, {}, '--output type=docker,dest=x.tar'],
    [{ output: 'type=registry' }, {}, '--output type=registry'],
    [{ output: 'type=constructor' }, {}, '--output type=constructor'],
    [{ apt: 'tini-' }, {}, '--apt tini-'],
    [{ platform: 'constructor' }, {}, '--platform constructor'],
    [{ platform: 'linux/amd64, linux/arm64' }, {}, ''],
    [{}, { OPENCLAW_INSTALL_BROWSER: 'constructor' }, 'OPENCLAW_INSTALL_BROWSER constructor'],
    [{ ca: '/' }, {}, '--ca /'],
    [{ ca: import.meta.filename }, {}, `--ca ${import.meta.filename}`],
    [{ output: 'somewhere' }, {}, '--output somewhere'],
    [{ cacheFrom: ['type'] }, {}, ''],
    [{ cacheTo: ['Not A Cache'] }, {}, '--cache-to Not A Cache'],
    [{ ca: '/does/not/exist.pem' }, {}, '--ca /does/not/exist.pem'],
    [{}, { NODE_EXTRA_CA_CERTS: '/does/not/exist.pem' }, 'NODE_EXTRA_CA_CERTS /does/not/exist.pem'],
    [{}, { SOURCE_DATE_EPOCH: 'today' }, 'SOURCE_DATE_EPOCH today'],
    [{}, { OPENCLAW_INSTALL_BROWSER: 'perhaps' }, 'OPENCLAW_INSTALL_BROWSER perhaps'],
    [{ compression: 'rar' }, {}, '--compression rar'],
    [{ heap: '4g' }, {}, '--heap 4g'],
    [{}, { OPENCLAW_BUILD_HEAP: '50' }, 'OPENCLAW_BUILD_HEAP 50'],
    [{ browser: 'firefox' }, {}, '--browser firefox'],
    [{ package: 'openclaw@latest', source: '.' }, {}, '--source .'],
  ])('%j %j: %s', (options, environment, problem) => {
    expect(problemsOf(options, environment)).toEqual(problem === '' ? [] : [problem]);
  });

  it('reports all problems together, each with a reason and a hint', () => {
    const { problems } = parseImageSpec(
      { apt: 'a;b c|d', platform: 'windows/amd64', tag: ['X'] },
      { SOURCE_DATE_EPOCH: '-1' },
    );
    expect(problems.map(({ source }) => source).sort()).toEqual([
      '--apt',
      '--apt',
      '--platform',
      '--tag',
      'SOURCE_DATE_EPOCH',
    ]);
    for (const { reason, hint } of problems) expect(reason.length * hint.length).toBeGreaterThan(0);
  });

  it('accepts a packed file, with and without the package name', () => {
    const path = file('openclaw-2026.9.6.tgz');
    expect(parseImageSpec({ package: path }, {}).spec.gateway).toEqual({ kind: 'file', path });
    expect(parseImageSpec({ package: `openclaw@${path}` }, {}).spec.gateway).toEqual({ kind: 'file', path });
  });

  it('reads versions and constraints of packages', () => {
    const { spec, problems } = parseImageSpec(
      { apt: 'libssl3:amd64=3.0.17-1~deb12u2 g++', pip: 'requests[socks]>=2,<3 humanize==4.14.0' },
      {},
    );
    expect(problems).toEqual([]);
    expect(spec.aptPackages).toEqual(['g++', 'libssl3:amd64=3.0.17-1~deb12u2']);
    expect(spec.pipPackages).toEqual(['humanize==4.14.0', 'requests[socks]>=2,<3']);
  });

  it('refuses every text that a shell or a Dockerfile would read as more than a word', () => {
    const option = fc.constantFrom<'apt' | 'pip' | 'extensions'>('apt', 'pip', 'extensions');
    fc.assert(
      fc.property(option, fc.string(), (name, text) => {
        const { spec } = parseImageSpec({ [name]: text }, {});
        for (const word of [...spec.aptPackages, ...spec.pipPackages, ...spec.extensions]) {
          expect(word).toMatch(/^[A-Za-z0-9][A-Za-z0-9._+:~=<>!,[\]*-]*$/);
        }
      }),
    );
  });
});

describe('browser and Docker CLI', () => {
  it.each<[GivenOptions, Record<string, string>, string, boolean]>([
    [{}, {}, 'none', false],
    [{ browser: true, dockerCli: true }, {}, 'playwright', true],
    [{ browser: 'debian' }, { OPENCLAW_INSTALL_BROWSER: '1' }, 'debian', false],
    [{}, { OPENCLAW_INSTALL_BROWSER: ' ON ', OPENCLAW_INSTALL_DOCKER_CLI: 'Yes' }, 'playwright', true],
    [{}, { OPENCLAW_INSTALL_BROWSER: 'off', OPENCLAW_INSTALL_DOCKER_CLI: '' }, 'none', false],
  ])('%j %j: browser %s, Docker CLI %s', (options, environment, browser, dockerCli) => {
    const { spec, problems } = parseImageSpec(options, environment);
    expect({ problems, browser: spec.browser, dockerCli: spec.dockerCli }).toEqual({
      problems: [],
      browser,
      dockerCli,
    });
  });
});

describe('the source of the gateway', () => {
  it.each<[GivenOptions, Record<string, string>, string | undefined, object]>([
    [{}, {}, undefined, { kind: 'registry', selector: 'latest' }],
    [{}, {}, '/checkout', { kind: 'checkout', path: '/checkout' }],
    [{}, { OPENCLAW_SOURCE: '/named' }, '/checkout', { kind: 'checkout', path: '/named' }],
    [{ source: '/given' }, { OPENCLAW_SOURCE: '/named' }, undefined, { kind: 'checkout', path: '/given' }],
    [
      { package: 'openclaw@2026.9.5' },
      { OPENCLAW_SOURCE: '/named' },
      '/checkout',
      { kind: 'registry', selector: '2026.9.5' },
    ],
  ])('%j %j in %s: %j', (options, environment, checkout, gateway) => {
    expect(parseImageSpec(options, environment, checkout).spec.gateway).toEqual(gateway);
  });
});
