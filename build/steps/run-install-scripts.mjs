// Runs the install scripts that the gateway allows, as the user node without any rights: they see no token, and can write to the folder
// of their own package only. Arguments: the folder with package.json and package-lock.json, and the folder with node_modules.
import { spawnSync } from 'node:child_process';
import { existsSync, lchownSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit, kill, pid, ppid } from 'node:process';

const USER = 1000;
const [, , locked = '.', installed = '.'] = argv;
const readJson = (/** @type {string} */ name) => JSON.parse(readFileSync(join(locked, name), 'utf8'));

/** @type {{ readonly allowScripts?: Record<string, boolean> }} */
const { allowScripts = {} } = readJson('package.json');
/** @type {{ readonly packages: Record<string, { readonly version?: string, readonly optional?: boolean, readonly hasInstallScript?: boolean }> }} */
const { packages } = readJson('package-lock.json');

/** npm rebuilds all copies of a version. */
const chosen = Map.groupBy(
  Object.entries(packages).flatMap(([path, { version = '', optional = false, hasInstallScript = false }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const folder = join(installed, path);
    const runs = hasInstallScript && Object.hasOwn(allowScripts, name) && allowScripts[name] === true;
    return runs && existsSync(folder) ? [{ package: `${name}@${version}`, path, folder, optional }] : [];
  }),
  (copy) => copy.package,
);

const chown = (/** @type {string} */ path, /** @type {number} */ owner) => {
  // Never through a link: a script can put one in the place of a folder.
  lchownSync(path, owner, owner);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) chown(join(path, name), owner);
};

// npm keeps the user's settings, its cache and its logs in the home folder.
const home = '/tmp/install-scripts';
mkdirSync(home, { recursive: true, mode: 0o700 });
lchownSync(home, USER, USER);

/** Ends what a script left running: it could write to the folder of the next package. */
const endLeftovers = () => {
  for (const left of processesOfUser()) kill(left, 'SIGKILL');
};

function processesOfUser() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((number) => lstatSync(`/proc/${number}`, { throwIfNoEntry: false })?.uid === USER)
    .map(Number);
}

/** The shell of a build's step is process 1 and sees no other processes. Elsewhere, this user may have processes of their own. */
const inBuild = pid === 1 || ppid === 1;
const top = realpathSync(installed);
for (const [name, all] of chosen) {
  // An earlier script may have removed the folder, or put a link in its place.
  const copies = all.filter(({ folder, path }) => existsSync(folder) && realpathSync(folder) === join(top, path));
  if (copies.length === 0) continue;
  for (const { folder } of copies) chown(folder, USER);
  const drop = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', '--no-new-privs'];
  const rebuild = [
    'npm',
    'rebuild',
    '--no-bin-links',
    '--loglevel=error',
    '--no-update-notifier',
    '--no-audit',
    '--no-fund',
  ];
  const { status } = spawnSync('setpriv', [...drop, ...rebuild, name], {
    cwd: installed,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, HOME: home, npm_config_cache: join(home, 'cache'), npm_config_logs_max: '0' },
  });
  if (inBuild) endLeftovers();
  for (const { folder } of copies) if (existsSync(folder)) chown(folder, 0);
  if (status === 0) continue;
  if (copies.some(({ optional }) => !optional)) {
    console.error(`The install script of ${name} failed.`);
    exit(1);
  }
  // As npm does it: an optional package whose script fails is left out.
  console.error(`The install script of the optional package ${name} failed; the package is left out.`);
  for (const { folder } of copies) rmSync(folder, { recursive: true, force: true });
}
rmSync(home, { recursive: true });
