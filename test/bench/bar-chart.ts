/** A row with two bars. */
interface Pair {
  readonly label: string;
  readonly ours: number;
  readonly other: number;
  /** At the end of the row. */
  readonly ratio: string;
}

interface BarChart {
  readonly title: string;
  /** Names of the two bars. */
  readonly names: readonly [ours: string, other: string];
  readonly pairs: readonly Pair[];
}

const ROW = 46;
const LEFT = 170;
const WIDTH = 560;
const TOP = 78;
const RIGHT = 110;
const [OURS, OTHER] = ['#1a7f37', '#afb8c1'];

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x}" y="${y}" ${more}>${words}</text>`;

/** Pairs of bars on a logarithmic scale, as SVG. */
export function barChart({ title, names, pairs }: BarChart): string {
  const longest = Math.max(...pairs.flatMap(({ ours, other }) => [ours, other]));
  const scale = (value: number): number => (Math.log10(1 + value) / Math.log10(1 + longest)) * WIDTH;
  const ticks = [1, 3, 10, 30, 100, 300].filter((value) => value <= longest);
  const height = TOP + pairs.length * ROW + 10;
  const legend = names.map((name, index) => {
    const x = LEFT + index * 200;
    return `<rect x="${x}" y="33" width="12" height="12" fill="${[OURS, OTHER][index]}"/>${text(x + 16, 44, name)}`;
  });
  const grid = ticks.map((value) => {
    const x = LEFT + scale(value);
    return `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${TOP - 8}" y2="${height - 8}" stroke="#d8dee4"/>${text(Math.round(x), TOP - 14, String(value), 'text-anchor="middle" font-size="11"')}`;
  });
  const rows = pairs.map(({ label, ours, other, ratio }, index) => {
    const y = TOP + index * ROW;
    const bar = (value: number, top: number, fill: string): string =>
      `<rect x="${LEFT}" y="${top}" width="${scale(value).toFixed(1)}" height="16" rx="2" fill="${fill}"/>${text(Math.round(LEFT + scale(value) + 6), top + 13, value.toFixed(1))}`;
    const end = 'text-anchor="end" font-weight="bold" fill="#1a7f37"';
    return [
      text(LEFT - 10, y + 22, label, 'text-anchor="end" fill="#1f2328"'),
      bar(ours, y, OURS),
      bar(other, y + 18, OTHER),
      text(LEFT + WIDTH + RIGHT - 8, y + 22, ratio, end),
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + RIGHT} ${height}" font-family="sans-serif" font-size="13" fill="#57606a">
<title>${title}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${text(LEFT, 20, title, 'font-weight="bold" fill="#1f2328"')}
${[...legend, ...grid, ...rows].join('\n')}
</svg>
`;
}
