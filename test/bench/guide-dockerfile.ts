import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const CA = '--mount=type=secret,id=ca';
const TRUST = 'if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi;';
const APT =
  'apt-get -o Acquire::https::CAInfo="$(ls /run/secrets/ca 2>/dev/null)" -qq update && apt-get -o Acquire::https::CAInfo="$(ls /run/secrets/ca 2>/dev/null)" -qq install -y --no-install-recommends';

/**
 * The Dockerfile of the install guide's section on faster rebuilds, with other sources of tools: Debian packages that
 * the slim image lacks are installed first, pnpm and Bun come from npm, and a proxy's certificate authority is
 * trusted. A step whose script the release does not have is omitted. Extra packages are installed at the guide's own
 * positions: Debian's before the sources, the browser after the dependencies.
 */
export async function guideDockerfile(checkout: string): Promise<string> {
  const { packageManager = '', scripts = {} } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    readonly packageManager?: string;
    readonly scripts?: Readonly<Record<string, string>>;
  };
  const pnpm = /^pnpm@[\d.]+/.exec(packageManager)?.[0] ?? 'pnpm';
  const some = (name: string): boolean => existsSync(join(checkout, name));
  const script = (name: string): string => (scripts[name] === undefined ? '' : `RUN ${CA} ${TRUST} pnpm ${name}\n`);
  return `ARG BASE
FROM \${BASE}
ARG APT=""
ARG BROWSER=""
RUN ${CA} ${APT} ca-certificates curl git g++ make python3
RUN ${CA} ${TRUST} npm install -g --loglevel=error ${pnpm} bun@1.4.4
ENV CI=true npm_config_manage_package_manager_versions=false
WORKDIR /app
RUN ${CA} if [ -n "$APT" ]; then ${APT} $APT; fi
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml${some('.npmrc') ? ' .npmrc' : ''} ./
COPY ui/package.json ./ui/package.json
${some('patches') ? 'COPY patches ./patches\n' : ''}COPY scripts ./scripts
RUN ${CA} ${TRUST} pnpm install --frozen-lockfile
RUN ${CA} if [ -n "$BROWSER" ]; then ${APT} chromium fonts-liberation xvfb; fi
COPY . .
${some('packages') ? `RUN ${CA} ${TRUST} pnpm install --frozen-lockfile\n` : ''}${script('build')}${script('ui:install')}${script('ui:build')}ENV NODE_ENV=production
CMD ["node","dist/index.js"]
`;
}
