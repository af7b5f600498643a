import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';

// Answers that need gigabytes once they are parsed. Each is read in a new process, whose peak of memory is measured.

const BUILD = join(import.meta.dirname, '../../build');
/** A server that sends `{},` again and again, and readers of what it sends. */
const PROGRAM = `
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
const { openRegistries } = await import('${BUILD}/oci/registry.ts');
const { readPublishedImage } = await import('${BUILD}/release/published-checks.ts');
const { MEDIA_TYPES, storeDocument } = await import('${BUILD}/oci/descriptor.ts');
const many = (start, end) => start + '{},'.repeat(${4 << 20}) + '{}' + end;
const blobs = new Map();
const documents = new Map();
const blob = (mediaType, make) => {
  const text = make();
  const digest = 'sha256:' + createHash('sha256').update(text).digest('hex');
  blobs.set(digest, make);
  return { mediaType, digest, size: text.length };
};
const document = (content) => {
  const stored = storeDocument({ schemaVersion: 2, ...content });
  documents.set(stored.descriptor.digest, stored);
  return stored.descriptor;
};
const config = blob('application/vnd.oci.image.config.v1+json', () =>
  JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } }));
const statements = Array.from({ length: 8 }, (_, index) => blob('application/vnd.in-toto+json', () =>
  many('{"subject":[],"predicateType":"' + index + '","predicate":{"a":[', ']}}')));
const image = document({ mediaType: MEDIA_TYPES.manifest, config, layers: [] });
const about = document({ mediaType: MEDIA_TYPES.manifest, config, layers: statements });
const index = document({ mediaType: MEDIA_TYPES.index, manifests: [
  { ...image, platform: { os: 'linux', architecture: 'amd64' } },
  { ...about, platform: { os: 'unknown', architecture: 'unknown' }, annotations: {
    'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': image.digest } },
] });
const server = createServer(({ url }, answer) => {
  const name = decodeURIComponent(url.split('/').at(-1).split('?')[0]);
  const stored = documents.get(name === 'latest' ? index.digest : name);
  if (url.includes('/tags/list')) answer.end(many('{"tags":[', ']}'));
  else if (url.includes('/manifests/')) answer.setHeader('content-type', stored.descriptor.mediaType).end(stored.bytes);
  else if (url.includes('/blobs/')) answer.end(blobs.get(name)());
  else answer.end('{}');
}).listen(0, '127.0.0.1', async () => {
  const registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 0, onWait: () => {} } });
  const repository = { registry: '127.0.0.1:' + server.address().port, repository: 'openclaw' };
  globalThis.gc();
  const before = process.memoryUsage.rss();
  const read = { tags: () => registry.tags(repository), image: () => readPublishedImage(registry, repository, 'latest') };
  const outcome = await read[process.argv[1]]().then(() => 'read', ({ failure }) => failure.kind);
  console.log(JSON.stringify({ outcome, grown: process.resourceUsage().maxRSS * 1024 - before }));
  process.exit();
});
`;

it.each([
  ['tags', 'too-large'],
  ['image', 'invalid-content'],
])('%s of millions of values end in a named error, below 300 MB', async (what, outcome) => {
  const args = ['--expose-gc', '--input-type=module', '--eval', PROGRAM, what];
  const { stdout } = await execa(process.execPath, args);
  const result = JSON.parse(stdout) as { readonly outcome: string; readonly grown: number };
  expect(result).toMatchObject({ outcome });
  expect(result.grown).toBeLessThan(300e6);
});
