import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { $ } from 'zx';
import { docker, engine, ROOT } from './command.ts';

/** Debian 13's Podman with what it needs, and Compose; no Docker Engine. */
const PACKAGES =
  'podman crun catatonit netavark aardvark-dns passt uidmap nftables iptables docker-compose docker-cli ca-certificates git procps';
/** Without root, Podman's network needs the device, and containers need shared mounts. */
const PREPARE = `useradd --create-home --shell /bin/bash --uid 1001 tester
mkdir -p /run/user/1001 && chown tester /run/user/1001
chmod 666 /dev/net/tun
mount --make-rshared /`;

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
  readonly copy: (from: string, to: string) => ReturnType<typeof docker>;
  readonly remove: () => Promise<void>;
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
  && mv /usr/bin/docker /usr/local/lib/docker-cli
ENTRYPOINT ["sleep", "infinity"]
`,
  );
  await shell`${command} build --quiet --provenance=false --tag ${name} - < ${join(folder, 'Dockerfile')}`;
  await rm(folder, { recursive: true });
  await shell`${command} run --detach --init --name ${name} --privileged --user 0 --volume /var/lib/containers --volume /home --volume ${ROOT}:/checkout:ro ${name}`;
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
      const files = 'build scripts dockerfiles docker-compose.yml package.json';
      await run('root', `mkdir ${HOMES[user]}/claw && cd /checkout && cp -a ${files} ${HOMES[user]}/claw/`);
      // Owned by its user, as a clone is.
      await run(
        'root',
        `ln -s /checkout/node_modules ${HOMES[user]}/claw/ && chown -R --reference=${HOMES[user]} ${HOMES[user]}/claw`,
      );
    },
    load: async (user, image) => {
      await shell`${command} save ${image} | ${command} exec --interactive ${name} ${asUser(user, 'podman load --quiet')}`;
    },
    copy: (from, to) => docker('cp', from, `${name}:${to}`),
    remove: async () => {
      await docker('rm', '--force', '--volumes', name);
      await docker('image', 'rm', '--force', name);
    },
  };
}
