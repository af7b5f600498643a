import { SETUP_VARIABLES } from '../../../build/stack/setup-values.ts';

/** Values that are not valid. Each is tried with every variable of setup. */
export const BAD_VALUES: readonly (readonly [name: string, value: string])[] = [
  ['a line end and a key', '/x\nOPENCLAW_IMAGE=evil'],
  ['a carriage return', 'a\rb'],
  ['a tab', 'a\tb'],
  ['a YAML list', '/x:/y\n      - /:/host'],
  ['quotes', `a"b'c`],
  ['a command', '$(touch /tmp/openclaw-pwned)'],
  ['backticks', '`touch /tmp/openclaw-pwned`'],
  ['an expansion', '${HOME}'],
  ['a semicolon', 'a; touch /tmp/openclaw-pwned'],
  ['colons', '/a:/b:/c:/d'],
  ['commas', 'a,,b,'],
  ['a YAML map', '{evil: true}'],
  ['a YAML alias', '*evil'],
  ['a YAML tag', '!!python/object:os.system'],
  ['a comment', 'x # y'],
  ['the way up', '/srv/../../etc'],
  ['a long one', '/x'.repeat(3000)],
  ['letters of other scripts', '/données/資料'],
  ['a zero-width space', '/a\u200Bb'],
  ['a change of direction', '/a\u202Eb'],
  ['a line separator', '/a\u2028b'],
  ['an option', '--privileged'],
  ['spaces', '   '],
  ['a tilde', '~/x'],
  ['an equals sign', 'A=B'],
  ['a backslash', 'C:\\x\\'],
  ['a format', '%s%n%x'],
  ['the root', '/'],
];

/** The values that a variable gets. */
export const BAD_INPUTS = SETUP_VARIABLES.flatMap((variable) =>
  BAD_VALUES.map(([name, value]) => ({ variable, name, value })),
);
