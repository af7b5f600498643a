import { createHash } from 'node:crypto';
import { type DockerCli, runDocker } from '../engine/docker-cli.ts';
import type { PreparedBuild } from './prepared-build.ts';

/**
 * Keeps the images that the tags name now, under another tag, until the build has ended. If the build fails or is interrupted,
 * every tag is restored.
 *
 * BuildKit tags an image before it unpacks it. The engine then deletes the image that had the tag, at the same time. That
 * costs seconds, and sometimes deletes layers that both images share.
 */
export async function keepTags<T>(
  builds: readonly PreparedBuild[],
  cli: DockerCli,
  work: () => Promise<T>,
): Promise<T> {
  const names = builds.flatMap((build) => (build.plan.spec.destination.kind === 'load' ? build.names : []));
  const results = await Promise.all(names.map((name) => tag(cli, name, backupOf(name))));
  const kept = names.filter((_, index) => results[index] === 'done');
  const absent = names.filter((_, index) => results[index] === 'no such image');
  const each = (selected: readonly string[], action: (name: string) => Promise<unknown>) =>
    Promise.all(selected.map(action));
  try {
    const result = await work();
    // Removing the last tag of an image blocks until the image is deleted; moving a tag deletes the old image later.
    await each(kept, (name) => tag(cli, name, backupOf(name)));
    return result;
  } catch (error) {
    await each(kept, (name) => tag(cli, backupOf(name), name));
    await each(absent, (name) => untag(cli, name));
    throw error;
  } finally {
    await each(kept, (name) => untag(cli, backupOf(name)));
  }
}

/** One backup tag per name, so the next build overwrites what a killed build left. */
const backupOf = (name: string): string =>
  `openclaw-image-before:${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;

type TagResult = 'done' | 'no such image' | 'failed';

const tag = (cli: DockerCli, from: string, to: string): Promise<TagResult> => runImage(cli, ['tag', from, to]);
const untag = (cli: DockerCli, name: string): Promise<TagResult> => runImage(cli, ['rm', name]);

async function runImage(cli: DockerCli, args: readonly string[]): Promise<TagResult> {
  const { exitCode, stderr } = await runDocker(cli, ['image', ...args]);
  if (exitCode === 0) return 'done';
  return /no such image/i.test(stderr) ? 'no such image' : 'failed';
}
