import { DockerfileParser } from 'dockerfile-ast';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DockerfileRequest, type PlannedPackage, planDockerfile } from '../../../build/dockerfile/plan.ts';
import { renderDockerfile } from '../../../build/dockerfile/render.ts';

const PACKAGE: PlannedPackage & { readonly kind: 'package' } = {
  kind: 'package',
  version: '2026.9.6',
  installScripts: ['preinstall', 'postinstall'],
  allowedScripts: [],
  dependencyLayers: ['typescript', '@google/genai'].map((name) => ({
    name,
    holds: 'a large dependency',
    path: `large/${name}`,
    folders: [name],
    key: name,
    age: 0,
  })),
};
const REQUEST: DockerfileRequest = {
  base: `node:24-bookworm-slim@sha256:${'a'.repeat(64)}`,
  gateway: PACKAGE,
  plugins: [{ id: 'slack', packageName: '@openclaw/slack', version: '2026.9.6', integrity: 'sha512-x' }],
  aptPackages: ['ffmpeg', 'jq'],
  pipPackages: ['humanize==4.14.0'],
  browser: 'none',
  dockerCli: false,
};
const render = (request: DockerfileRequest): string => renderDockerfile(planDockerfile(request));

/** Stage names and their parents, in order. */
const stagesOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    DockerfileParser.parse(text)
      .getFROMs()
      .map((from) => [from.getBuildStage() ?? '', from.getImage() ?? '']),
  );

describe('layer order', () => {
  it('goes from the least to the most frequently changed', () => {
    expect(planDockerfile(REQUEST).layers.map(({ name }) => name)).toEqual([
      'system',
      'apt',
      'pip',
      'pnpm',
      'files',
      'typescript',
      '@google/genai',
      'dependencies',
      'plugin slack',
      'docs',
      'control-ui',
      'server',
      'package',
    ]);
  });

  it('is the order of the stage with all layers, which a new base does not change', () => {
    const stage = render(REQUEST)
      .split(/^(?=FROM )/m)
      .find((text) => / AS runtime$/m.test(text));
    const copies = stage?.match(/^COPY .*$/gm) ?? [];
    const planned = planDockerfile(REQUEST).layers.flatMap(({ made }) =>
      made.by === 'copy' && made.stage === 'runtime' ? [made.instruction] : [],
    );
    expect(copies).toEqual(planned);
  });
});

describe('the Dockerfile', () => {
  it('is the same, byte for byte, for the same request', () => {
    expect(render(structuredClone(REQUEST))).toBe(render(REQUEST));
  });

  it("has the gateway's version in one place, an ARG that no layer of dependencies reads", () => {
    const other = render({ ...REQUEST, gateway: { ...PACKAGE, version: '2026.9.7' } });
    const differing = other.split('\n').filter((line, index) => line !== render(REQUEST).split('\n')[index]);
    expect(differing).toEqual(['ARG OPENCLAW_PACKAGE="openclaw@2026.9.7"']);
  });

  it('names only stages that are defined above', () => {
    const known = new Set<string>();
    for (const line of render(REQUEST).split('\n')) {
      const from = /^FROM (\S+) AS (\S+)$/.exec(line);
      const used = [...line.matchAll(/--from=([a-z0-9._-]+)|from=([a-z0-9._-]+),/g)].map(
        (match) => match[1] ?? match[2] ?? '',
      );
      for (const name of used) expect(known, line).toContain(name);
      if (from?.[2] !== undefined) known.add(from[2]);
    }
  });

  it('builds optional stages only on request', () => {
    const stages = stagesOf(render(REQUEST));
    expect(stages.get('packages')).toBe('system${OPENCLAW_IMAGE_APT_PACKAGES:+-with-apt}');
    expect(stages.get('with-python')).toBe('packages${OPENCLAW_IMAGE_PIP_PACKAGES:+-with-pip}');
    expect(stages.has('baked-slack')).toBe(true);
    const plain = render({ ...REQUEST, plugins: [], aptPackages: [], pipPackages: [] });
    expect(plain).not.toContain('slack');
    expect(plain).toContain('ARG OPENCLAW_DOCKER_APT_PACKAGES=""');
  });

  it('ends with a stage that adds no layer to those that were tested', () => {
    const stages = render(REQUEST).split(/^(?=FROM )/m);
    expect(stages.at(-1)).toMatch(/^FROM runtime AS image$/m);
    expect(stages.at(-1)).not.toMatch(/^(?:RUN|COPY|ADD|WORKDIR) /m);
    expect(stages.at(-2)).toMatch(/^FROM runtime AS smoke-test$/m);
  });

  it('keeps secrets out of ARG and ENV, and gives every step that downloads the CA', () => {
    const text = render(REQUEST);
    expect(text).not.toMatch(/^(?:ARG|ENV) .*(?:TOKEN|SECRET|PASSWORD|npmrc|CERT)/m);
    for (const step of text
      .split(/^(?=RUN )/m)
      .slice(1)
      .filter((part) => !part.startsWith('RUN --network=none '))
      .filter((part) =>
        /\b(?:npm (?:ci|install|pack)|npm_\w+|apt (?:update|install)|apt_install|pip install)\b/.test(part),
      )) {
      const mounts = step.split('\n').slice(0, 4).join('\n');
      expect(mounts).toContain('--mount=type=secret,id=ca');
      expect(mounts).toContain('--mount=from=helpers,target=/helpers');
    }
  });

  it('gives npm’s tokens to steps that run no install script, and no kept installation to a release', () => {
    const steps = (text: string): readonly string[] =>
      text.split(/^(?=RUN )/m).filter((step) => step.startsWith('RUN '));
    for (const step of steps(render(REQUEST)).filter((text) => text.includes('id=npmrc'))) {
      for (const [install = ''] of step.matchAll(/^npm_production .*$/gm))
        expect(install).toContain('--ignore-scripts');
      expect(step).not.toMatch(/^npm (?:run|rebuild)/m);
    }
    expect(render(REQUEST)).toContain('id=openclaw-unpacked');
    expect(render({ ...REQUEST, isolated: true })).not.toContain('id=openclaw-unpacked');
  });

  it('never changes owners afterwards', () => {
    expect(render(REQUEST)).not.toMatch(/chown -R|chown --recursive/);
  });

  it('explains each stage', () => {
    const lines = render(REQUEST).split('\n');
    for (const [index, line] of lines.entries())
      if (line.startsWith('FROM ')) expect(lines[index - 1]).toMatch(/^# \S/);
  });

  it('parses with any packages', () => {
    const word = fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,20}$/);
    fc.assert(
      fc.property(fc.array(word), fc.array(word), (aptPackages, pipPackages) => {
        const file = DockerfileParser.parse(render({ ...REQUEST, aptPackages, pipPackages }));
        expect(file.getFROMs().at(-1)?.getBuildStage()).toBe('image');
        expect(file.getENTRYPOINTs()).toHaveLength(1);
      }),
      { numRuns: 25 },
    );
  });
});
