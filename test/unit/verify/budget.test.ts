import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Problem } from '../../../build/problem.ts';
import { parseShare, parseSize, readBudget } from '../../../build/verify/budget.ts';

describe('limits as people write them', () => {
  it.each<[string, number | undefined]>([
    ['240MB', 240_000_000],
    ['1.5 GB', 1_500_000_000],
    ['12kB', 12_000],
    ['240', undefined],
    ['240MiB', undefined],
    ['-1MB', undefined],
    ['', undefined],
  ])('size %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each<[string, number | undefined]>([
    ['1%', 0.01],
    ['0.5 %', 0.005],
    ['0%', 0],
    ['101%', undefined],
    ['0.01', undefined],
    ['', undefined],
  ])('share %s', (text, share) => {
    expect(parseShare(text)).toBe(share);
  });
});

describe('a file of limits', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openclaw-image-budget-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const read = async (content: string, given: { maxSize?: string; maxWaste?: string } = {}) => {
    const file = join(folder, 'budget.json');
    await writeFile(file, content);
    const problems: Problem[] = [];
    return { budget: await readBudget(given, file, problems), problems };
  };

  it('counts, and an option counts more', async () => {
    const content = '{"maxSize": "240MB", "maxWaste": "1%"}';
    expect(await read(content)).toEqual({ budget: { maxSize: 240e6, maxWaste: 0.01 }, problems: [] });
    expect((await read(content, { maxSize: '1GB' })).budget).toEqual({ maxSize: 1e9, maxWaste: 0.01 });
  });

  it.each([
    ['no JSON', '{', 'is not valid JSON'],
    ['a list', '[]', 'is not a JSON object'],
    ['another entry', '{"maxsize": "1MB"}', 'has the entry "maxsize"'],
    ['a number', '{"maxSize": 240}', 'has the entry "maxSize"'],
    ['no unit', '{"maxSize": "240"}', 'is not a limit'],
  ])('with %s is refused', async (_, content, reason) => {
    const { problems } = await read(content);
    expect(problems.map((problem) => problem.reason).join()).toContain(reason);
  });

  it('that does not exist is refused', async () => {
    const problems: Problem[] = [];
    await readBudget({}, join(folder, 'missing.json'), problems);
    expect(problems).toMatchObject([{ source: '--budget', reason: 'cannot be read' }]);
  });
});
