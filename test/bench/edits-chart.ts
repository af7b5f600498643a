interface Bar {
  readonly edit: string;
  readonly ours: { readonly seconds: number };
  readonly other: { readonly seconds: number };
}

const ROW = 46;
const LEFT = 90;
const WIDTH = 560;
const TOP = 56;
const RIGHT = 110;

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x}" y="${y}" ${more}>${words}</text>`;

/** A chart of seconds after each edit, on a logarithmic scale. */
export function editsChart(bars: readonly Bar[]): string {
  const longest = Math.max(...bars.flatMap(({ ours, other }) => [ours.seconds, other.seconds]));
  const scale = (seconds: number): number => (Math.log10(1 + seconds) / Math.log10(1 + longest)) * WIDTH;
  const ticks = [1, 3, 10, 30, 100, 300].filter((seconds) => seconds <= longest);
  const height = TOP + bars.length * ROW + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + RIGHT} ${height}" font-family="sans-serif" font-size="13" fill="#57606a">
<title>Seconds until a runnable image, after each kind of edit</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${text(LEFT, 20, 'Seconds until a runnable image, after each kind of edit', 'font-weight="bold" fill="#1f2328"')}
<rect x="${LEFT + 400}" y="9" width="12" height="12" fill="#1a7f37"/>${text(LEFT + 416, 20, 'this project')}
<rect x="${LEFT + 510}" y="9" width="12" height="12" fill="#afb8c1"/>${text(LEFT + 526, 20, "the guide's Dockerfile")}
${ticks
  .map((seconds) => {
    const x = LEFT + scale(seconds);
    return `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${TOP - 8}" y2="${height - 8}" stroke="#d8dee4"/>${text(Math.round(x), TOP - 14, String(seconds), 'text-anchor="middle" font-size="11"')}`;
  })
  .join('\n')}
${bars
  .map(({ edit, ours, other }, index) => {
    const y = TOP + index * ROW;
    const bar = (seconds: number, top: number, fill: string): string =>
      `<rect x="${LEFT}" y="${top}" width="${scale(seconds).toFixed(1)}" height="16" rx="2" fill="${fill}"/>${text(Math.round(LEFT + scale(seconds) + 6), top + 13, seconds.toFixed(1))}`;
    const label = text(LEFT - 10, y + 22, edit, 'text-anchor="end" fill="#1f2328"');
    const ratio = text(
      LEFT + WIDTH + RIGHT - 8,
      y + 22,
      `${(other.seconds / ours.seconds).toFixed(1)}×`,
      'text-anchor="end" font-weight="bold" fill="#1a7f37"',
    );
    return `${label}\n${bar(ours.seconds, y, '#1a7f37')}\n${bar(other.seconds, y + 18, '#afb8c1')}\n${ratio}`;
  })
  .join('\n')}
</svg>
`;
}
