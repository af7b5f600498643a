import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dockerConfigFolder } from '../../../build/engine/engine.ts';
import { composeProgram } from '../../support/podman.ts';
import { changed, checkAnswers, ENV_FILE, PLANNED } from '../../support/setup-answers.ts';

let root = '';
beforeAll(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'openclaw-image-answers-')), 'openclaw');
  await mkdir(root);
  await writeFile(join(root, 'probe.yml'), 'services:\n  x:\n    image: x\n    env_file: probe.env\n');
});
afterAll(() => rm(join(root, '..'), { recursive: true, force: true }));

/** The variables of a .env as Compose reads it; undefined if Compose refuses it. */
async function readByCompose(text: string): Promise<Readonly<Record<string, string>> | undefined> {
  await writeFile(join(root, 'probe.env'), text);
  const [compose, ...first] = composeProgram();
  const { exitCode, stdout } = await execa(compose, [...first, '--file', 'probe.yml', 'config', '--format', 'json'], {
    cwd: root,
    env: { PATH: process.env['PATH'], DOCKER_CONFIG: dockerConfigFolder() },
    extendEnv: false,
    reject: false,
  });
  if (exitCode !== 0) return undefined;
  const { services } = JSON.parse(stdout) as { readonly services: { readonly x: { readonly environment?: object } } };
  return (services.x.environment ?? {}) as Readonly<Record<string, string>>;
}

const OWN = [
  'MINE="a\nOPENCLAW_UID=0\nb"',
  "OTHER='it is'",
  'export OPENCLAW_HOST_ADDRESS=127.0.0.1',
  '# mine',
  'LAST: "x" # y',
];
const PART = fc.constantFrom(
  ...['"', "'", '\\', ' ', '\t', '\n', '\r\n', '#', ' #', '=', ':', '$', '\u00A0', '\uFEFF', '\u2028', '\v'],
  ...[
    'export ',
    'OPENCLAW_UID=0',
    'OPENCLAW_WORKSPACE_DIR=/',
    'OPENCLAW_HOST_ADDRESS=0.0.0.0',
    'COMPOSE_FILE=/x.yml',
    'lan',
    'x',
  ],
);
const NAME = fc.constantFrom(
  'OPENCLAW_GATEWAY_BIND',
  'OPENCLAW_GATEWAY_TOKEN',
  'OPENCLAW_CONFIG_DIR',
  'OPENCLAW_UID',
  'OTEL_X',
  'MINE',
);
const INJECTED = fc.constantFrom('OPENCLAW_UID=0', 'OPENCLAW_WORKSPACE_DIR=/', 'OPENCLAW_HOST_ADDRESS=0.0.0.0');
/** A value that reaches over lines, and after which another variable follows. */
const SANDWICH = fc
  .tuple(fc.constantFrom("'", '"'), NAME, fc.constantFrom('lan', '1000', 'x'), NAME, INJECTED)
  .map(
    ([quote, name, value, second, injected]) => `${name}=${quote}${value}\n${second}=${quote} ${injected} #${quote}`,
  );
const LINE = fc.oneof(
  SANDWICH,
  fc
    .tuple(NAME, fc.constantFrom('=', ': ', ' = '), fc.array(PART, { maxLength: 4 }))
    .map(([name, sign, parts]) => `${name}${sign}${parts.join('')}`),
  fc.array(PART, { maxLength: 4 }).map((parts) => parts.join('')),
  fc.constantFrom(...OWN),
);
/** An answer: the lines that setup would write and other ones, in any order. */
const ANSWER = fc
  .tuple(fc.array(LINE, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(20), { minLength: 3, maxLength: 3 }))
  .map(([lines, places]) => {
    const answer = [...OWN, ...ENV_FILE.trim().split('\n')];
    for (const [index, line] of lines.entries()) answer.splice(places[index] ?? 0, index % 2, line);
    return `${answer.join('\n')}\n`;
  });

it('an answer that passes gives Compose the values of the user, and no other variable', async () => {
  const before = `${OWN.join('\n')}\n`;
  await writeFile(join(root, '.env'), before);
  const expected = { ...(await readByCompose(before)), ...(await readByCompose(ENV_FILE)) };
  expect(Object.keys(expected)).toHaveLength(13);
  let passed = 0;
  const property = fc.asyncProperty(ANSWER, async (answer) => {
    const { exitCode } = await checkAnswers(root, 'plan', changed(PLANNED, 'env_file', answer));
    if (exitCode !== 0) return;
    const read = await readByCompose(answer);
    if (read === undefined) return;
    passed += 1;
    const { OPENCLAW_GATEWAY_TOKEN: token, OPENCLAW_UID: uid = '1000', ...others } = read;
    expect(token).toBeDefined();
    expect(uid).toBe('1000');
    // A variable without a value is as good as none.
    const added = Object.entries(others).filter(([name, value]) => value !== '' && expected[name] !== value);
    expect(added).toEqual([]);
  });
  const example = `${before}${ENV_FILE}`;
  await fc.assert(property, { numRuns: 150, examples: [[example]] });
  // Otherwise everything is refused, and nothing was compared.
  expect(passed).toBeGreaterThan(3);
});
