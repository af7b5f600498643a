import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { $ } from 'zx';
import { cacheFolder } from '../../build/cache-folder.ts';
import { docker, engine, ROOT } from './command.ts';

/** Debian 13's Podman with what it needs, and Compose; no Docker Engine. */
const PACKAGES =
  'podman crun catatonit netavark aardvark-dns passt uidmap nftables iptables docker-compose docker-cli ca-certificates git procps';
/** Where Docker's client is on this host: not on PATH, so that setup uses Podman. */
export const DOCKER_CLI = '/opt/docker-cli';
const TOOLCHAIN = '/opt/toolchain';
/** Without root, Podman's network needs the device, and containers need shared mounts. */
const PREPARE = `useradd --create-home --shell /bin/bash --uid 1001 tester
mkdir -p /run/user/1001 && chown tester /run/user/1001
chmod 666 /dev/net/tun
mount --make-rshared /
printf '[[registry]]\nlocation = "localhost"\ninsecure = true\n' >/etc/containers/registries.conf.d/localhost.conf`;

/** The files that setup and the tests of the stack read. */
const FILES =
  'build deploy docs scripts dockerfiles test Dockerfile docker-compose.yml package.json pnpm-lock.yaml tsconfig.json vitest.config.ts';

/** A host with Podman: a privileged container with its own storage and network, and without systemd. */
export interface PodmanHost {
  /** Runs a line of shell as root, or as a user without rights. Fails the test if it fails. @returns its output */
  readonly run: (user: PodmanUser, line: string) => Promise<string>;
  /** Runs a line that may fail. */
  readonly attempt: (user: PodmanUser, line: string) => ReturnType<typeof docker>;
  /** Puts the scripts of this checkout into the folder `claw` of a user's home. */
  readonly install: (user: PodmanUser) => Promise<void>;
  /** Copies an image of the engine into the storage of a user. */
  readonly load: (user: PodmanUser, image: string) => Promise<void>;
  /** Runs a file of tests on this Podman. */
  readonly test: (user: PodmanUser, file: string) => Promise<TestedFile>;
  readonly copy: (from: string, to: string) => ReturnType<typeof docker>;
  readonly remove: () => Promise<void>;
}

/** Written by vitest's reporter `json`. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}
const NO_REPORT = '{"testResults":[]}';

export interface TestedFile {
  /** 0 also says that no preparation of a test failed. */
  readonly exitCode: number | undefined;
  /** Titles. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  readonly output: string;
}

export type PodmanUser = 'root' | 'rootless';

const HOMES = { root: '/root', rootless: '/home/tester' } as const;

const asUser = (user: PodmanUser, line: string): readonly string[] => {
  const shell = ['env', '-C', HOMES[user], `HOME=${HOMES[user]}`, 'PODMAN_IGNORE_CGROUPSV1_WARNING=1'];
  return user === 'root'
    ? [...shell, 'bash', '-c', line]
    : [
        'setpriv',
        '--reuid=1001',
        '--regid=1001',
        '--init-groups',
        ...shell,
        'USER=tester',
        'XDG_RUNTIME_DIR=/run/user/1001',
        'bash',
        '-c',
        line,
      ];
};

export async function startPodmanHost(): Promise<PodmanHost> {
  const name = `openclaw-image-podman-${process.pid}`;
  const { docker: command, environment } = engine();
  const shell = $({ env: environment, quiet: true });
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-podman-'));
  await writeFile(
    join(folder, 'Dockerfile'),
    `FROM openclaw:local
USER 0
RUN echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >/etc/apt/sources.list.d/trixie.list \\
  && apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends -t trixie ${PACKAGES} \\
  && mkdir ${DOCKER_CLI} && mv /usr/bin/docker ${DOCKER_CLI}
ENTRYPOINT ["sleep", "infinity"]
`,
  );
  await shell`${command} build --quiet --provenance=false --tag ${name} - < ${join(folder, 'Dockerfile')}`;
  await rm(folder, { recursive: true });
  await shell`${command} run --detach --init --name ${name} --privileged --user 0 --volume /var/lib/containers --volume /home --volume ${ROOT}:/checkout:ro --volume ${await realpath(cacheFolder('toolchain'))}:${TOOLCHAIN}:ro ${name}`;
  const attempt: PodmanHost['attempt'] = (user, line) => docker('exec', name, ...asUser(user, line));
  const run: PodmanHost['run'] = async (user, line) => {
    const { exitCode, stdout, stderr } = await attempt(user, line);
    expect(exitCode, `${line}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  };
  await run('root', PREPARE);
  return {
    run,
    attempt,
    install: async (user) => {
      const home = HOMES[user];
      await run(
        'root',
        `mkdir -p ${home}/claw/node_modules
cd /checkout && cp -a ${FILES} ${home}/claw/
ln -s /checkout/node_modules/* /checkout/node_modules/.pnpm /checkout/node_modules/.bin ${home}/claw/node_modules/
# As after the first command of a clone: without it, scripts/run would download its tools. Only their owner may read those of this host.
cp -R ${TOOLCHAIN} ${home}/toolchain
printf '%s\\n' "$(ls -d ${home}/toolchain/*/node_modules/.bin | head -n 1)" "$(command -v node)" >${home}/claw/node_modules/.toolchain
# Owned by its user, as a clone is.
chown -R --no-dereference --reference=${home} ${home}/claw ${home}/toolchain`,
      );
    },
    load: async (user, image) => {
      await shell`${command} save ${image} | ${command} exec --interactive ${name} ${asUser(user, 'podman load --quiet')}`;
    },
    test: async (user, file) => {
      const variables = `OPENCLAW_TEST_ENGINE=podman CONTAINER_ENGINE=podman PATH=$PATH:${DOCKER_CLI}`;
      const program = 'node node_modules/vitest/vitest.mjs run --project engine-isolated --tags-filter "!nightly"';
      const report = '--reporter=json --outputFile=report.json --reporter=default';
      const { exitCode, stdout, stderr } = await attempt(
        user,
        `cd claw && rm -f report.json && ${variables} ${program} ${report} ${file}`,
      );
      const { testResults } = JSON.parse(await run(user, `cat claw/report.json || echo '${NO_REPORT}'`)) as Report;
      const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
      const titles = (wanted: string) =>
        tests.filter(({ status }) => status === wanted).map(({ fullName }) => fullName);
      return { exitCode, passed: titles('passed'), failed: titles('failed'), output: `${stdout}\n${stderr}` };
    },
    copy: (from, to) => docker('cp', from, `${name}:${to}`),
    remove: async () => {
      await docker('rm', '--force', '--volumes', name);
      await docker('image', 'rm', '--force', name);
    },
  };
}
