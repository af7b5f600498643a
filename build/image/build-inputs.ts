import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readStages, type StageReads } from '../dockerfile/stage-graph.ts';
import { admittedBy } from '../gateway/docker-ignore.ts';
import type { GatewayBuildPlan } from './build-plan.ts';

/** A file or a folder of a checkout, as a build read it. */
export interface InputFile {
  /** 0 for a folder. */
  readonly bytes: number;
  /** Time of the last change of contents or mode, in milliseconds since 1970. With `bytes`, it shows that a file is unchanged. */
  readonly changed: number;
  /** SHA-256 of mode and contents, hexadecimal; of a folder, that of its mode. */
  readonly sha256: string;
}

/** Everything that determines which stages of a build run. */
export interface BuildInputs {
  readonly stages: readonly StageReads[];
  /** The contents of each named context: name → version or digest. */
  readonly contexts: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By path in the checkout; that of a folder ends with `/`. */
  readonly files: Readonly<Record<string, InputFile>>;
  /** When the files were read, in milliseconds since 1970; undefined in older records. */
  readonly read?: number;
}

/** Whether two builds have the same inputs, so that the second one gives the same image. */
export const areSameInputs = (one: BuildInputs, other: BuildInputs): boolean =>
  isDeepStrictEqual([one.stages, one.contexts, contentsOf(one)], [other.stages, other.contexts, contentsOf(other)]);

const contentsOf = ({ files }: BuildInputs): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([path, { sha256 }]) => [path, sha256]));

/** @param before inputs of an earlier build: files with the same size and time are not read again */
export async function readBuildInputs(plan: GatewayBuildPlan, before?: BuildInputs): Promise<BuildInputs> {
  const { gateway, dockerfile, contexts } = plan;
  const stages = readStages(dockerfile, Object.keys(contexts));
  const paths = new Set(stages.flatMap(({ instructions }) => instructions.flatMap((instruction) => instruction.paths)));
  const read = Date.now();
  return {
    stages,
    contexts: await readContexts(plan),
    files: gateway.kind === 'checkout' ? await readFiles(gateway.root, [...paths], gateway.ignore, before) : {},
    read,
  };
}

async function readContexts({ gateway, plugins, base, contexts }: GatewayBuildPlan): Promise<BuildInputs['contexts']> {
  const buildBase = contexts['build-base'];
  return {
    base: { [base.name]: base.digest },
    ...(buildBase === undefined ? {} : { 'build-base': { 'build base': buildBase } }),
    ...(gateway.kind === 'checkout'
      ? {}
      : {
          gateway: { [`${gateway.origin} (${gateway.integrity.slice(0, 16)}…)`]: gateway.integrity },
          'gateway-dependencies': await readLock(gateway.dependencies),
        }),
    ...Object.fromEntries(
      plugins.map(({ id, packageName, version, integrity }) => [
        `plugin-${id}`,
        { [`${packageName}@${version}`]: integrity },
      ]),
    ),
  };
}

/** Name → version of each package in a lockfile. */
async function readLock(folder: string): Promise<Readonly<Record<string, string>>> {
  const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  return Object.fromEntries(
    Object.entries(packages).flatMap(([path, { version }]) =>
      path === '' || version === undefined ? [] : [[path.replace(/^node_modules\//, ''), version]],
    ),
  );
}

/** Never part of a build (see docker-ignore.ts), and too large to list. */
const SKIPPED = new Set(['node_modules', '.git']);

/** Some file systems have times in steps of two seconds: a file that changes twice within one has the same time. */
const TIME_STEP = 2000;

async function readFiles(
  root: string,
  paths: readonly string[],
  ignore: string,
  before: BuildInputs | undefined,
): Promise<BuildInputs['files']> {
  const admits = admittedBy(ignore);
  const files: Record<string, InputFile> = {};
  const visit = async (path: string): Promise<void> => {
    const status = await lstat(join(root, path)).catch(() => undefined);
    if (status === undefined) return;
    if (status.isDirectory()) {
      files[`${path}/`] = { bytes: 0, changed: 0, sha256: createHash('sha256').update(`${status.mode}`).digest('hex') };
      const names = await readdir(join(root, path));
      await Promise.all(names.filter((name) => !SKIPPED.has(name)).map((name) => visit(`${path}/${name}`)));
      return;
    }
    if (!admits(path)) return;
    const { size: bytes, ctimeMs: changed } = status;
    const known = before?.files[path];
    const isOld = changed < (before?.read ?? 0) - TIME_STEP;
    if (isOld && known?.bytes === bytes && known.changed === changed) {
      files[path] = known;
      return;
    }
    // A pipe in the place of a file would never end.
    const contents = status.isSymbolicLink()
      ? await readlink(join(root, path))
      : status.isFile()
        ? await readFile(join(root, path))
        : '';
    const sha256 = createHash('sha256').update(`${status.mode} `).update(contents).digest('hex');
    files[path] = { bytes, changed, sha256 };
  };
  await Promise.all(paths.map(visit));
  return files;
}
