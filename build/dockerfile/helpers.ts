import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

const STEPS = join(import.meta.dirname, '../steps');

/** `COPY` instructions that write files of build/steps into a stage, so that plain `docker build` needs no build context for them. */
export const copyFiles = (names: readonly string[]): string =>
  names
    .map((name) => {
      const end = name.endsWith('.sh') ? 'SH' : 'JS';
      return `COPY <<'${end}' /${name}\n${readFileSync(join(STEPS, name), 'utf8')}${end}`;
    })
    .join('\n');

/** The same in every Dockerfile, so that all of them share the stages that use it. */
export const HELPERS: Stage = {
  name: 'helpers',
  from: 'scratch',
  why: 'Settings and shell functions of the steps below. They mount this stage, so the image does not contain it.',
  body: copyFiles(['prelude.sh']),
};

/** @param names files of build/steps that the Dockerfile needs */
export const programsStage = (names: readonly string[]): Stage => ({
  name: 'programs',
  from: 'scratch',
  why: 'Node programs of the steps below, mounted in the same way.',
  body: copyFiles(names),
});

export const PACKAGE_PROGRAMS = [
  'dependency-manifest.mjs',
  'npm-filter.cjs',
  'run-install-scripts.mjs',
  'spread-over-layers.mjs',
] as const;
export const CHECKOUT_PROGRAMS = [
  'delete-foreign.mjs',
  'isolate-plugin.mjs',
  'select-plugins.mjs',
  'trim-lockfile.mjs',
] as const;
