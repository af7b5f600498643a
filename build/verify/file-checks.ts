import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { satisfies } from 'semver';
import { type CheckOutcome, failed, passIf, passIfNone } from '../check-result.ts';
import { SYSTEM_PACKAGES } from '../dockerfile/system-stages.ts';
import type { Container } from '../engine/container.ts';
import type { PackageManifest } from '../gateway/package-manifest.ts';
import { available, type Check, type Subject } from './check.ts';

/** Runs a line of shell as root, which can read every file. @returns its output without the last line break */
async function shell(container: Container, line: string): Promise<string> {
  const { stdout } = await container.exec(['sh', '-c', line], '0');
  return stdout.trim();
}

/** Printed last: without it the line was not executed completely, and an empty output proves nothing. */
const COMPLETE = 'complete';

/** A check that passes if a line of shell prints nothing. The line lists files that must not exist. */
const noFiles = (check: Omit<Check, 'row' | 'run'>, line: string): Check => ({
  ...check,
  row: 'absent',
  run: async ({ files }) => {
    const tools = 'for tool in ls find grep; do command -v "$tool" >/dev/null || echo "$tool is missing"; done';
    const output = (await shell(available(files), `${tools}; ${line}; echo ${COMPLETE}`)).split('\n');
    if (output.at(-1) !== COMPLETE) return failed('the files could not be listed', check.requires);
    const paths = output.slice(0, -1);
    const more = paths.length > 4 ? ` and ${paths.length - 4} more` : '';
    return passIf(paths.length === 0, paths.slice(0, 4).join(', ') + more || check.requires, check.requires);
  },
});

async function json<T>(container: Container, path: string): Promise<T | undefined> {
  const text = await shell(container, `cat ${path} 2>/dev/null`);
  return text === '' ? undefined : (JSON.parse(text) as T);
}

async function checkNodeVersion({ files }: Subject): Promise<CheckOutcome> {
  const container = available(files);
  const manifest = await json<{ readonly engines?: { readonly node?: string } }>(container, '/app/package.json');
  const version = await shell(container, 'node --version');
  const range = manifest?.engines?.node;
  if (range === undefined)
    return failed(
      manifest === undefined ? 'no gateway in /app' : 'the gateway requires no Node version',
      'a gateway that requires a Node version',
    );
  return passIf(satisfies(version, range), version === '' ? 'no Node' : version, range);
}

const DEPENDENCIES_PROGRAM = readFileSync(join(import.meta.dirname, 'installed-dependencies.mjs'), 'utf8');

/**
 * Returns the packages that no production dependency needs, directly or indirectly. A package can be a development dependency of the
 * gateway, and a dependency of one of its dependencies.
 */
async function neededByNone(
  names: readonly string[],
  manifest: PackageManifest,
  container: Container,
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const { stdout } = await container.exec(['node', '--input-type=module', '-e', DEPENDENCIES_PROGRAM, '/app'], '0');
  const graph = stdout.trim() === '' ? {} : (JSON.parse(stdout) as Readonly<Record<string, readonly string[]>>);
  const needed = new Set<string>();
  const { dependencies, optionalDependencies, peerDependencies = {}, devDependencies = {} } = manifest;
  // pnpm installs a peer for production, unless a development dependency is the peer.
  const peers = Object.keys(peerDependencies).filter((name) => devDependencies[name] === undefined);
  const pending = [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    pending.push(...(graph[name] ?? []));
  }
  return names.filter((name) => !needed.has(name));
}

async function checkDependencies({ files }: Subject): Promise<CheckOutcome> {
  const container = available(files);
  const manifest = await json<PackageManifest>(container, '/app/package.json');
  const lock = await json<{ readonly packages: Readonly<Record<string, { readonly dev?: boolean }>> }>(
    container,
    '/app/node_modules/.package-lock.json',
  );
  if (manifest === undefined) return failed('no gateway in /app', 'a gateway with production dependencies');
  const installed = new Set(
    (await shell(container, 'cd /app/node_modules 2>/dev/null && ls -d * @*/* 2>/dev/null')).split('\n'),
  );
  const development = Object.keys(manifest.devDependencies ?? {}).filter((name) => installed.has(name));
  const leftover =
    lock === undefined
      ? await neededByNone(development, manifest, container)
      : development.filter((name) => lock.packages[`node_modules/${name}`] === undefined);
  const marked = Object.entries(lock?.packages ?? {}).filter(([, { dev }]) => dev === true);
  const found = [...leftover, ...marked.map(([path]) => path)];
  return passIfNone(found.slice(0, 4), 'production dependencies only', 'production dependencies only');
}

/** Checks of the image's files. */
export const FILE_CHECKS: readonly Check[] = [
  {
    name: 'node-version',
    row: 'base',
    requires: 'a Node version that satisfies `engines.node` of the gateway',
    why: 'The gateway refuses to start on another Node.',
    fix: 'Choose a base with a suitable Node: `--base`.',
    run: checkNodeVersion,
  },
  {
    name: 'system-packages',
    row: 'system packages',
    requires: `the Debian packages ${SYSTEM_PACKAGES.map((name) => `\`${name}\``).join(', ')}`,
    why: 'The gateway and its skills call these programs.',
    fix: 'Keep the stage `system` of the rendered Dockerfile.',
    run: async ({ files }) => {
      const line = `dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\\n' 2>/dev/null | sed -n 's/^ii *//p'`;
      const installed = (await shell(available(files), line)).split('\n');
      const missing = SYSTEM_PACKAGES.filter((name) => !installed.includes(name));
      const found =
        missing.length === 0
          ? `${SYSTEM_PACKAGES.length} of ${SYSTEM_PACKAGES.length}`
          : `missing: ${missing.join(', ')}`;
      return passIf(missing.length === 0, found, SYSTEM_PACKAGES.join(', '));
    },
  },
  {
    name: 'cli-link',
    row: 'CLI',
    requires: '`/usr/local/bin/openclaw` → `/app/openclaw.mjs`',
    why: '`docker exec … openclaw` must work.',
    fix: 'Keep the stage `files` of the rendered Dockerfile.',
    run: async ({ files }) => {
      const line = 'target=$(readlink -f /usr/local/bin/openclaw) && [ -e "$target" ] && echo "$target"';
      const target = await shell(available(files), line);
      return passIf(target === '/app/openclaw.mjs', target || 'no /usr/local/bin/openclaw', '/app/openclaw.mjs');
    },
  },
  {
    name: 'state-directories',
    row: 'ownership',
    requires:
      '`/home/node`, `/home/node/.openclaw` and `/home/node/.config` belong to 1000:1000, and every user may write there',
    why: 'The gateway stores its state there, as whichever user it runs; otherwise it fails with EACCES.',
    fix: 'Keep the stage `files` of the rendered Dockerfile. Never use a recursive `chown`.',
    run: async ({ files }) => {
      const required = ['/home/node', '/home/node/.openclaw', '/home/node/.config']
        .map((folder) => `1000:1000 1777 ${folder}`)
        .join(', ');
      const line = "stat -c '%u:%g %a %n' /home/node /home/node/.openclaw /home/node/.config 2>&1";
      const found = (await shell(available(files), line)).split('\n').join(', ');
      return passIf(found === required, found === required ? 'owned by 1000:1000, writable for all' : found, required);
    },
  },
  noFiles(
    {
      name: 'readable-files',
      requires: 'no file in `/app` that only its owner can read',
      why: 'A gateway that runs as another user than root and 1000 could not start.',
      fix: 'Give read access to all: `chmod --recursive a+rX`.',
    },
    'find /app ! -type l ! -perm -o=r -print -o -type d ! -perm -o=x -print 2>/dev/null',
  ),
  {
    name: 'no-development-dependencies',
    row: 'absent',
    requires: 'production dependencies only',
    why: 'Development dependencies make the image larger and add known vulnerabilities.',
    fix: 'Install with `--omit=dev` (npm) or `--prod` (pnpm).',
    run: checkDependencies,
  },
  noFiles(
    {
      name: 'no-build-tools',
      requires: 'no compiler, no make',
      why: 'Build tools make the image larger and help an attacker.',
      fix: 'Compile in a stage that the image only copies from.',
    },
    'for tool in cc gcc g++ make cmake; do command -v "$tool"; done',
  ),
  noFiles(
    {
      name: 'no-source-maps',
      requires: 'no source map and no type declaration in dist/',
      why: 'Node does not read them at run time.',
      fix: 'Delete them in the stage that builds the server.',
    },
    "find /app/dist -name node_modules -prune -o -type f \\( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \\) -print 2>/dev/null",
  ),
  noFiles(
    {
      name: 'no-caches',
      requires: "no package manager's cache, no apt list",
      why: 'Caches make the image larger, and differ between builds.',
      fix: 'Use cache mounts: `RUN --mount=type=cache`.',
    },
    // Playwright's browser is in the user's cache folder, but is not a cache.
    'ls -d /root/.npm /root/.cache /home/node/.npm /home/node/.cache/* /app/.pnpm-store /root/.local/share/pnpm /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/lib/apt/lists/*_* 2>/dev/null | grep -vx /home/node/.cache/ms-playwright',
  ),
  noFiles(
    {
      name: 'no-secrets',
      requires: 'no credentials, CA bundle or proxy setting',
      why: 'Everyone who pulls the image can read its files.',
      fix: 'Use secret mounts: `RUN --mount=type=secret`.',
    },
    "ls -d /run/secrets /root/.npmrc /home/node/.npmrc /app/.npmrc /app/.env /app/.git /root/.docker /home/node/.docker /usr/local/share/ca-certificates/* /etc/pip.conf 2>/dev/null; grep -rliE 'proxy|cainfo' /etc/apt/apt.conf.d 2>/dev/null",
  ),
];
