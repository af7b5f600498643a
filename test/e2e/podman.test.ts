import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { run as command } from '../support/command.ts';
import { SMALL_IMAGE } from '../support/gateway.ts';
import { DOCKER_CLI, type PodmanHost, type PodmanUser, startPodmanHost } from '../support/podman-host.ts';

let host: PodmanHost;
beforeAll(async () => {
  host = await startPodmanHost();
});
afterAll(() => host.remove());

const NEXT = 'localhost/openclaw:next';
const SETUP = 'claw/scripts/docker/setup.sh --offline';
const CONTAINER = 'claw-openclaw-gateway-1';
/** Sources ClawDock as a user's shell does. */
const clawdock = (line: string): string => `. claw/scripts/clawdock/clawdock-helpers.sh && ${line}`;

/** Lists the units of the gateway. Setup removes them when Compose takes over: systemd would start the former image at the next boot. */
const UNITS =
  'find /etc/containers/systemd ~/.config/containers/systemd -name "openclaw-gateway-*" 2>/dev/null || true';

/** Runs the command line that Podman's generator makes of the unit, as systemd reads it. systemd would keep the cgroup and wait for a message. */
const START_AS_SYSTEMD = `line=$(/usr/libexec/podman/quadlet $([ "$(id -u)" = 0 ] || echo -user) -dryrun 2>/dev/null | sed -n 's/^ExecStart=//p')
line=$(sed -e 's/%%/%/g' -e 's/[$][$]/\\\\$/g' -e 's/--cgroups=split //' -e 's/--sdnotify=conmon //' -e "s#%t/%N#$(mktemp -d)/gateway#" <<<"$line")
eval "$line" >/dev/null`;

describe.each<[PodmanUser, string, object]>([
  ['rootless', 'keep-id:uid=1000,gid=1000', {}],
  ['root', '', { tags: ['nightly'] }],
])('the stack on Podman as %s', (user, namespace, options) => {
  const run = (line: string) => host.run(user, line);

  beforeAll(async () => {
    await host.install(user);
    await host.load(user, 'openclaw:local');
    const label = 'LABEL org.opencontainers.image.version=9999.1.1';
    await run(`printf 'FROM openclaw:local\\n${label}\\n' | podman build --quiet --format docker --tag ${NEXT} -`);
    const broken = 'ENTRYPOINT ["false"]';
    await run(
      `printf 'FROM openclaw:local\\n${broken}\\n' | podman build --quiet --format docker --tag ${NEXT}-broken -`,
    );
  });

  afterAll(() => host.attempt(user, 'podman rm --force --all --time 0'));

  it('is set up without Docker, and gives the data to the user of the host', options, async () => {
    const output = await run(`OPENCLAW_SKIP_ONBOARDING=1 OPENCLAW_CONFIG_DIR=$HOME/data/config ${SETUP}`);
    expect(output).toContain('The gateway is running: http://127.0.0.1:18789/');
    expect(output).toContain('scripts/docker/podman-compose.sh logs --follow openclaw-gateway');
    expect(await run('grep -c "^CONTAINER_ENGINE=podman$" claw/.env')).toBe('1');
    expect(await run("sed -n 's/^OPENCLAW_USERNS=//p' claw/.env")).toBe(namespace);
    await run(`podman healthcheck run ${CONTAINER}`);
    const owner = await run('stat -c %u data/config/openclaw.json');
    // Without root, the gateway's user is the user of the host.
    expect(owner).toBe(user === 'root' ? '1000' : '1001');
    expect(await run(`podman exec ${CONTAINER} id -u`)).toBe('1000');
  });

  it('is found by doctor', options, async () => {
    const { stdout } = await host.attempt(
      user,
      'cd claw && npm_config_fetch_retries=0 node build/main.ts doctor --json',
    );
    const { results } = JSON.parse(stdout) as { results: { name: string; status: string; found: string }[] };
    // Podman's health checks are timers of systemd, which this host does not have.
    const failed = results.filter(({ name, status }) => status === 'failed' && name !== 'gateway');
    expect(failed).toEqual([]);
    expect(results.find(({ name }) => name === 'engine')?.found).toMatch(/^Podman 5\./);
  });

  it('obeys ClawDock', options, async () => {
    expect(await run(clawdock('clawdock-health'))).toContain('healthz  200');
    expect(await run(clawdock('clawdock-exec id -un'))).toBe('node');
    expect(await run(clawdock('clawdock-show-config'))).toContain('CONTAINER_ENGINE=podman');
  });

  it('is updated after a rehearsal, and goes back with its state', options, async () => {
    const updated = await run(`OPENCLAW_IMAGE=${NEXT} ${SETUP}`);
    expect(updated).toContain('Rehearsing the update');
    expect(updated).toContain('to 9999.1.1');
    await run('echo later >data/config/later.txt');
    expect(await run('cd claw && scripts/docker/setup.sh --rollback')).toContain('The gateway is running version');
    await run('test ! -e data/config/later.txt');
    await run(`podman healthcheck run ${CONTAINER}`);
  });

  it('goes back to the former image if a new one does not start', options, async () => {
    const { exitCode, stderr } = await host.attempt(user, `OPENCLAW_IMAGE=${NEXT}-broken ${SETUP} --skip-rehearsal`);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/The gateway is running version \S+ again\./);
    expect(await run(`podman container inspect ${CONTAINER} --format '{{.Config.Image}}'`)).not.toContain('broken');
  });

  it('names the container on a port that is in use', options, async () => {
    await run(
      `podman run --detach --name other --publish 28789:8080 --entrypoint node openclaw:local -e 'require("http").createServer().listen(8080)'`,
    );
    const { exitCode, stderr } = await host.attempt(user, `OPENCLAW_GATEWAY_PORT=28789 ${SETUP}`);
    await run('podman rm --force --time 0 other');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 2 });
    expect(stderr).toContain('"28789" is in use by the container other');
  });

  // The other engine is that of root, by Docker's API and client: it has other containers on the same folders.
  it.runIf(user === 'rootless')('refuses data that a container of Docker uses', options, async () => {
    await host.load('root', SMALL_IMAGE);
    const serve = 'setsid podman system service --time 300 unix:///var/run/docker.sock >/dev/null 2>&1 &';
    await host.run(
      'root',
      `podman run --detach --name holder --volume /home/tester/data/config:/data --entrypoint sleep ${SMALL_IMAGE} 300
(${serve})
for try in $(seq 50); do [ ! -S /var/run/docker.sock ] || break; sleep 0.1; done; chmod 666 /var/run/docker.sock`,
    );
    const { exitCode, stderr } = await host.attempt(user, `PATH=$PATH:${DOCKER_CLI} ${SETUP}`);
    await host.run('root', 'podman rm --force --time 0 holder && rm /var/run/docker.sock');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 2 });
    expect(stderr).toContain('data/config" is in use by the container holder');
    expect(stderr).toContain('or stop that container: docker stop holder');
  });

  it('runs as a unit of systemd with the same settings, and in Compose again', options, async () => {
    await run(`OPENCLAW_EXTRA_MOUNTS='/usr/share/doc:/100% $docs:ro' GEMINI_API_KEY='a$b %n "c"' ${SETUP}`);
    const settings = `podman container inspect ${CONTAINER} --format '{{json .Config.Env}}|{{.Config.User}}|{{.Config.Hostname}}|{{.HostConfig.CapDrop}}|{{.HostConfig.SecurityOpt}}|{{.HostConfig.UsernsMode}}|{{json .NetworkSettings.Ports}}|{{json .Config.Healthcheck.Test}}|{{.Config.StopTimeout}}|{{.Config.Cmd}}'`;
    const mounts = `podman container inspect ${CONTAINER} | node -e 'const [{Mounts}] = JSON.parse(require("fs").readFileSync(0)); console.log(JSON.stringify(Mounts.map(({Source, Destination, RW}) => [Source, Destination, RW]).sort()))'`;
    const inCompose = [sortedEnvironment(await run(settings)), await run(mounts)];
    expect(await run('cd claw && scripts/docker/setup.sh --quadlet')).toContain('openclaw-gateway-claw');
    expect(await run('stat -c %a claw/.env.quadlet')).toBe('600');
    await run(START_AS_SYSTEMD);
    await expect
      .poll(async () => (await host.attempt(user, clawdock('clawdock-health'))).exitCode, { timeout: 240_000 })
      .toBe(0);
    await run(`podman healthcheck run ${CONTAINER}`);
    // A command of the CLI starts what it depends on, and must not create the gateway again.
    const id = await run(`podman container inspect ${CONTAINER} --format {{.Id}}`);
    await run(clawdock('clawdock-cli --version'));
    expect(await run(`podman container inspect ${CONTAINER} --format {{.Id}}`)).toBe(id);
    expect([sortedEnvironment(await run(settings)), await run(mounts)]).toEqual(inCompose);
    const output = await run(SETUP);
    expect(output).toContain('Compose runs the gateway instead of systemd');
    expect(await run(`${UNITS} && ls claw/.env.quadlet 2>/dev/null || true`)).toBe('');
    await run(`podman healthcheck run ${CONTAINER}`);
  });

  it('runs and checks an archive of image:build, with the source of a plugin', options, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-archive-'));
    const archive = join(folder, 'openclaw.tar');
    const built = await command([
      ...['build', '--source', inject('checkout'), '--tag', 'localhost/openclaw:archive'],
      ...['--output', `type=oci,dest=${archive}`],
    ]);
    expect({ exitCode: built.exitCode }, built.stderr).toEqual({ exitCode: 0 });
    expect(await host.copy(archive, '/tmp/openclaw.tar')).toMatchObject({ exitCode: 0 });
    await rm(folder, { recursive: true });
    await run('podman load --quiet --input /tmp/openclaw.tar');
    const socket = user === 'root' ? '/run/podman/podman.sock' : '/run/user/1001/podman/podman.sock';
    await run(
      `mkdir -p ${dirname(socket)} && (setsid podman system service --time 300 unix://${socket} >/dev/null 2>&1 &)`,
    );
    const tool = 'cd claw && CONTAINER_ENGINE=podman node build/main.ts';
    const { overlays, container, url } = JSON.parse(
      await run(
        `id=$(podman create localhost/openclaw:archive) && podman cp $id:/app/dist/extensions/echo echo && podman rm $id >/dev/null &&
${tool} run localhost/openclaw:archive --overlay ../echo --port 28801 --detach --json`,
      ),
    );
    expect(overlays).toEqual([{ id: 'echo', source: expect.stringMatching(/^\/app\/extensions\/echo\//) }]);
    expect(await run(`curl --silent --fail ${url}/healthz`)).toContain('"ok":true');
    await run(`podman rm --force --time 0 ${container}`);
    const verified = await host.attempt(user, `${tool} verify localhost/openclaw:archive --json`);
    const { results } = JSON.parse(verified.stdout) as { results: { name: string; status: string }[] };
    expect(results.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(results.filter(({ status }) => status === 'passed').length).toBeGreaterThan(20);
  });
});

/** The order of variables has no meaning. */
function sortedEnvironment(settings: string): string {
  const [environment = '', ...others] = settings.split('|');
  return [JSON.stringify((JSON.parse(environment) as string[]).sort()), ...others].join('|');
}
