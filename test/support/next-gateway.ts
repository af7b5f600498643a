import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { engine } from './command.ts';

/**
 * Ways in which a new gateway fails: at each start; at a start with network, after it has changed the database, which its doctor suggests
 * to repair; with network, after it has changed half of the database; until its doctor has repaired the state.
 */
export type Fault = 'none' | 'start' | 'online' | 'half' | 'repair';

/**
 * Runs before the gateway. It adds a database to the state, which a newer gateway changes and an older one cannot read, as real gateways
 * do: then going back to the old image alone does not work.
 */
const PRELOAD = `import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { argv, env, exit } from 'node:process';

const state = '/home/node/.openclaw';
const [database, repaired] = [\`\${state}/test.db\`, \`\${state}/repaired\`];
const stop = (why) => {
  console.error(why);
  exit(1);
};

if (argv[2] === 'doctor') {
  if (argv.includes('--fix')) writeFileSync(repaired, '');
  else if (env.FAULT === 'online') console.log('The state is old. Run: openclaw doctor --fix');
  if (env.GATEWAY === 'small') exit(0);
}
if (argv[2] === 'gateway' && argv.includes('--allow-unconfigured')) {
  const online = existsSync('/sys/class/net/eth0');
  const schema = existsSync(database) ? Number(readFileSync(database, 'utf8')) : 0;
  if (env.FAULT === 'start') stop('a module was not found');
  if (env.FAULT === 'repair' && !existsSync(repaired)) stop('The configuration is not valid. Run: openclaw doctor --fix');
  if (!(schema <= env.SCHEMA)) stop(\`the database has the schema \${schema}\`);
  if (env.FAULT === 'half' && online) {
    rmSync(\`\${state}/openclaw.json\`);
    rmSync(\`\${state}/identity\`, { recursive: true });
    writeFileSync(database, 'half');
    stop('the migration failed');
  }
  if (schema < env.SCHEMA) writeFileSync(database, env.SCHEMA);
  if (env.FAULT === 'online' && online) stop('a channel was not found');
}
`;

/** Makes an image of a gateway with a database. @param from its image @param schema of its database */
export async function addDatabase(
  image: string,
  from: string,
  schema: number,
  { fault = 'none', gateway = 'small' }: { readonly fault?: Fault; readonly gateway?: 'small' | 'whole' } = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-next-'));
  const env = { SCHEMA: schema, FAULT: fault, GATEWAY: gateway, NODE_OPTIONS: '"--import /database.mjs"' };
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  await writeFile(join(folder, 'database.mjs'), PRELOAD, { mode: 0o644 });
  await writeFile(
    join(folder, 'Dockerfile'),
    [
      `FROM ${from}`,
      'COPY --chmod=644 database.mjs /database.mjs',
      `ENV ${settings.join(' ')}`,
      `LABEL org.opencontainers.image.version=2026.9.${schema}`,
      '',
    ].join('\n'),
  );
  const { docker, environment } = engine();
  await $({ env: environment, quiet: true })`${docker} build --quiet --provenance=false --tag ${image} ${folder}`;
  await rm(folder, { recursive: true });
}
