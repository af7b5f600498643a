import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { readSourceFile } from './source-file.ts';

/** The scripts of a package.json: command lines by name. */
export type PackageScripts = Readonly<Record<string, string>>;

/** The files in a script's command line: `node scripts/postinstall` → `scripts/postinstall.js`, whose ending Node adds. */
export const scriptFiles = (command: string): readonly string[] => {
  const named = command.matchAll(/(?:^|[\s"'])((?:\.\/)?[\w.-]+(?:\/[\w.-]+)*\.(?:[cm]?[jt]s|sh))(?=[\s"';&|)]|$)/g);
  const withoutEnding = command.matchAll(/\bnode\s+((?:\.\/)?[\w-]+(?:\/[\w-]+)*)(?=[\s;&|)]|$)/g);
  return [
    ...[...named].map(([, file = '']) => normalize(file)),
    ...[...withoutEnding].map(([, file = '']) => `${normalize(file)}.js`),
  ];
};

/** The command lines that scripts run: their own, and those of the scripts that they call with pnpm or npm. */
export function commandsOf(scripts: PackageScripts, names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  const visit = (name: string): readonly string[] => {
    const command = scripts[name];
    if (command === undefined || seen.has(name)) return [];
    seen.add(name);
    const called = [...command.matchAll(/\bp?npm\s+(?:run\s+)?([\w:-]+)/g)].map(([, other = '']) => other);
    return [command, ...called.flatMap(visit)];
  };
  return names.flatMap(visit);
}

/** Whether a build script calls Bun, in its command line or in a shell script. A comment may mention it. */
export async function callsBun(root: string, scripts: PackageScripts, names: readonly string[]): Promise<boolean> {
  const commands = commandsOf(scripts, names);
  const files = commands.flatMap(scriptFiles).filter((file) => file.endsWith('.sh') && existsSync(join(root, file)));
  const texts = [...commands, ...(await Promise.all(files.map((file) => readSourceFile(join(root, file)))))];
  return texts.some((text) => /(?:^|[\s;&|(])bunx?\s/m.test(text.replace(/^\s*#.*$/gm, '')));
}
