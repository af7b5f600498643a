import { hostname, userInfo } from 'node:os';

/** The URL of the GitHub workflow run that this process is part of; undefined outside of a workflow. */
export async function workflowRunUrl(): Promise<string | undefined> {
  if (process.env['GITHUB_RUN_ID'] === undefined) return undefined;
  // Loaded only in a workflow: the module takes 150 ms.
  const { GitHub } = await import('@docker/actions-toolkit/lib/github/github.js');
  return GitHub.workflowRunURL();
}

/** The person or workflow that runs this process: the URL of a workflow run, or `someone@host`. */
export const currentActor = async (): Promise<string> =>
  (await workflowRunUrl()) ?? `${userInfo().username}@${hostname()}`;
