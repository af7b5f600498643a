import { satisfies } from 'semver';
import { SYSTEM_PACKAGES } from '../dockerfile/system-stages.ts';
import type { Container } from '../engine/container.ts';
import { available, type Check, expect, fail, type Outcome, type Subject } from './check.ts';

/** Runs a line of shell as root, which can read every file. @returns its output without the last line break */
async function shell(container: Container, line: string): Promise<string> {
  const { stdout } = await container.exec(['sh', '-c', line], '0');
  return stdout.trim();
}

/** Printed last: without it the line was not executed completely, and an empty output proves nothing. */
const LOOKED = 'looked through';

/** A check that passes if a line of shell prints nothing. The line lists files that must not exist. */
const nothing = (name: string, line: string, what: string): Check => ({
  name,
  row: 'absent',
  run: async ({ files }) => {
    const tools = 'for tool in ls find grep; do command -v "$tool" >/dev/null || echo "$tool is missing"; done';
    const printed = (await shell(available(files), `${tools}; ${line}; echo ${LOOKED}`)).split('\n');
    if (printed.at(-1) !== LOOKED) return fail('the files could not be listed', what);
    const found = printed.slice(0, -1);
    return expect(
      found.length === 0,
      found.length === 0
        ? what
        : `${found.slice(0, 4).join(', ')}${found.length > 4 ? ` and ${found.length - 4} more` : ''}`,
      what,
    );
  },
});

async function json<T>(container: Container, path: string): Promise<T | undefined> {
  const text = await shell(container, `cat ${path} 2>/dev/null`);
  return text === '' ? undefined : (JSON.parse(text) as T);
}

async function nodeSuits({ files }: Subject): Promise<Outcome> {
  const container = available(files);
  const manifest = await json<{ readonly engines?: { readonly node?: string } }>(container, '/app/package.json');
  const version = await shell(container, 'node --version');
  const range = manifest?.engines?.node;
  if (range === undefined)
    return fail(
      manifest === undefined ? 'no gateway in /app' : 'the gateway requires no Node version',
      'a gateway that requires a Node version',
    );
  return expect(satisfies(version, range), version === '' ? 'no Node' : version, range);
}

async function noDevelopmentDependencies({ files }: Subject): Promise<Outcome> {
  const container = available(files);
  const manifest = await json<{ readonly devDependencies?: Readonly<Record<string, string>> }>(
    container,
    '/app/package.json',
  );
  const lock = await json<{ readonly packages: Readonly<Record<string, { readonly dev?: boolean }>> }>(
    container,
    '/app/node_modules/.package-lock.json',
  );
  if (manifest === undefined) return fail('no gateway in /app', 'a gateway with production dependencies');
  const installed = new Set(
    (await shell(container, 'cd /app/node_modules 2>/dev/null && ls -d * @*/* 2>/dev/null')).split('\n'),
  );
  const left =
    lock === undefined
      ? Object.keys(manifest.devDependencies ?? {}).filter((name) => installed.has(name))
      : Object.keys(manifest.devDependencies ?? {}).filter(
          (name) => installed.has(name) && lock.packages[`node_modules/${name}`] === undefined,
        );
  const marked = Object.entries(lock?.packages ?? {}).filter(([, { dev }]) => dev === true);
  const found = [...left, ...marked.map(([path]) => path)];
  return expect(
    found.length === 0,
    found.length === 0 ? 'production dependencies only' : found.slice(0, 4).join(', '),
    'production dependencies only',
  );
}

/** Checks of the image's files. */
export const FILE_CHECKS: readonly Check[] = [
  { name: 'node-version', row: 'base', run: nodeSuits },
  {
    name: 'system-packages',
    row: 'system packages',
    run: async ({ files }) => {
      const installed = (
        await shell(
          available(files),
          `dpkg-query -W -f '\${db:Status-Abbrev} \${Package}\\n' 2>/dev/null | sed -n 's/^ii *//p'`,
        )
      ).split('\n');
      const missing = SYSTEM_PACKAGES.filter((name) => !installed.includes(name));
      return expect(
        missing.length === 0,
        missing.length === 0
          ? `${SYSTEM_PACKAGES.length} of ${SYSTEM_PACKAGES.length}`
          : `missing: ${missing.join(', ')}`,
        SYSTEM_PACKAGES.join(', '),
      );
    },
  },
  {
    name: 'cli-link',
    row: 'CLI',
    run: async ({ files }) => {
      const line = 'target=$(readlink -f /usr/local/bin/openclaw) && [ -e "$target" ] && echo "$target"';
      const target = await shell(available(files), line);
      return expect(
        target === '/app/openclaw.mjs',
        target === '' ? 'no /usr/local/bin/openclaw' : target,
        '/app/openclaw.mjs',
      );
    },
  },
  {
    name: 'state-directories',
    row: 'ownership',
    run: async ({ files }) => {
      const wanted = '1000:1000 /home/node, 1000:1000 /home/node/.openclaw, 1000:1000 /home/node/.config';
      const found = (
        await shell(available(files), "stat -c '%u:%g %n' /home/node /home/node/.openclaw /home/node/.config 2>&1")
      )
        .split('\n')
        .join(', ');
      return expect(found === wanted, found === wanted ? 'owned by 1000:1000' : found, wanted);
    },
  },
  { name: 'no-development-dependencies', row: 'absent', run: noDevelopmentDependencies },
  nothing('no-build-tools', 'for tool in cc gcc g++ make cmake; do command -v "$tool"; done', 'no compiler, no make'),
  nothing(
    'no-source-maps',
    "find /app/dist -name node_modules -prune -o -type f \\( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \\) -print 2>/dev/null",
    'no source map and no type declaration in dist/',
  ),
  nothing(
    'no-caches',
    // Playwright's browser is in the user's cache folder, but is not a cache.
    'ls -d /root/.npm /root/.cache /home/node/.npm /home/node/.cache/* /app/.pnpm-store /root/.local/share/pnpm /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/lib/apt/lists/*_* 2>/dev/null | grep -vx /home/node/.cache/ms-playwright',
    "no package manager's cache, no apt list",
  ),
  nothing(
    'no-secrets',
    "ls -d /run/secrets /root/.npmrc /home/node/.npmrc /app/.npmrc /app/.env /app/.git /root/.docker /home/node/.docker /usr/local/share/ca-certificates/* /etc/pip.conf 2>/dev/null; grep -rliE 'proxy|cainfo' /etc/apt/apt.conf.d 2>/dev/null",
    'no credentials, CA bundle or proxy setting',
  ),
];
