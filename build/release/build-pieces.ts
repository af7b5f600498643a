import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { OnProgress } from '../engine/buildx.ts';
import type { Engine } from '../engine/engine.ts';
import { bakeImages } from '../image/bake-images.ts';
import { gatherIngredients, type Ingredients } from '../image/gather-ingredients.ts';
import { type Preparation, prepare } from '../image/prepare.ts';
import { addToLayout, layoutContent } from '../oci/content.ts';
import { type ImageIndex, type ImageManifest, isAttestation, platformOf } from '../oci/descriptor.ts';
import { MACHINES, type Platform } from '../oci/platform.ts';
import { parseDocument } from '../oci/registry.ts';
import { type Problem, RequestError, WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { VariantImage } from '../spec/variant.ts';
import { readStatements, withoutProxies, writeAttestation } from './attestations.ts';
import { joinIndex } from './join-index.ts';
import type { Piece } from './release-record.ts';
import { parseReleaseRef } from './release-ref.ts';
import { sbomStatement } from './sbom-statement.ts';

/** What is built for a release, before it is said for which platform. */
export interface ReleaseBuild {
  readonly specs: Readonly<Partial<Record<VariantImage, ImageSpec>>>;
  readonly ingredients: Readonly<Partial<Record<VariantImage, Ingredients>>>;
  /** Seconds since 1970: the same on every machine that builds a platform of it. */
  readonly epoch: number;
  readonly revision: string;
  readonly source: string;
}

/**
 * Resolves what a release is built of, and refuses what must not be released.
 *
 * @param date of a refresh, `20260401`; undefined for anything else
 * @throws RequestError with everything that is wrong
 */
export async function gatherRelease(
  ref: string,
  specs: Readonly<Partial<Record<VariantImage, ImageSpec>>>,
  problems: readonly Problem[],
  date: string | undefined,
  onStep: (step: string) => void,
): Promise<ReleaseBuild> {
  const ingredients: Partial<Record<VariantImage, Ingredients>> = {};
  // One after the other: the second finds what the first has downloaded. A release is reproducible, before its time is known.
  for (const image of Object.keys(specs) as VariantImage[]) {
    const spec = specs[image];
    if (spec === undefined) continue;
    const reproducible = { ...spec, sourceDateEpoch: spec.sourceDateEpoch ?? 0 };
    ingredients[image] = await gatherIngredients(reproducible, problems, onStep);
  }
  const [first] = Object.values(ingredients);
  const [spec] = Object.values(specs);
  if (first === undefined || spec === undefined) throw new RequestError(problems);
  const { gateway } = first;
  const refused = await releaseProblems(ref, gateway);
  if (refused.length > 0) throw new RequestError(refused);
  const made = gateway.kind === 'checkout' ? gateway.changed : gateway.built;
  const day = date?.replace(/(\d{4})(\d{2})(\d{2})/, '$1-$2-$3');
  const epoch = spec.sourceDateEpoch ?? Math.floor(Date.parse(day ?? made ?? '') / 1000);
  if (Number.isNaN(epoch)) {
    const reason = `${gateway.origin} does not say when it was built, and every platform must say the same`;
    const wayOut = 'set SOURCE_DATE_EPOCH to the seconds of its release';
    throw new RequestError([{ source: '--package', value: gateway.origin, reason, wayOut }]);
  }
  return { specs, ingredients, epoch, revision: gateway.revision, source: gateway.repository };
}

async function releaseProblems(ref: string, gateway: Ingredients['gateway']): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const parsed = parseReleaseRef(ref);
  if (parsed?.kind === 'version' && parsed.version.text !== gateway.version) {
    problems.push({
      source: '--ref',
      value: ref,
      reason: `the gateway in ${gateway.origin} calls itself ${gateway.version}`,
      wayOut: `check out the tag, or build --package openclaw@${parsed.version.text}`,
    });
  }
  if (gateway.kind !== 'checkout') {
    if (parsed?.kind === 'branch') {
      const reason = 'a package is a version, and the branch is not';
      problems.push({ source: '--ref', value: ref, reason, wayOut: 'build it from a checkout: --source DIR' });
    }
    return problems;
  }
  const { root, revision, dirty } = gateway;
  if (dirty) {
    const reason = `the sources differ from ${revision.slice(0, 12)}, and a release must say what it was built of`;
    problems.push({
      source: '--source',
      value: root,
      reason,
      wayOut: 'commit the changes, or check out the tag afresh',
    });
  }
  const { stdout, exitCode } = await execa('git', ['-C', root, 'rev-parse', '--verify', '--quiet', `${ref}^{commit}`], {
    reject: false,
  });
  // A shallow checkout may not know the name of what it holds.
  if (exitCode === 0 && stdout.trim() !== revision) {
    const reason = `${ref} is ${stdout.trim().slice(0, 12)}, and ${revision.slice(0, 12)} is checked out`;
    problems.push({
      source: '--source',
      value: root,
      reason,
      wayOut: `check it out: git -C ${root} switch --detach ${ref}`,
    });
  }
  return problems;
}

export interface PieceContext {
  readonly engine: Pick<Engine, 'docker' | 'environment'>;
  readonly builder: string | undefined;
  /** Where the images are written: a folder each. */
  readonly folder: string;
  /** For the provenance: the run of a workflow; empty on a host of one's own. */
  readonly builderId: string;
  readonly onStep: (step: string) => void;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal | undefined;
}

/** Where a piece stands, before it is in a registry. */
export const pieceFolder = (folder: string, { image, platform }: Pick<Piece, 'image' | 'platform'>): string =>
  join(folder, `${image}-${MACHINES[platform].debian}`);

/**
 * Builds the images of a release for one platform, and says what is in them.
 *
 * Nothing is pushed.
 * @throws WorkError where the base is not the pinned one, or the build fails
 */
export async function buildPieces(
  { specs, ingredients, epoch }: ReleaseBuild,
  platform: Platform,
  context: PieceContext,
): Promise<readonly Piece[]> {
  const { engine, builder, folder, onStep, onProgress, signal } = context;
  await mkdir(folder, { recursive: true });
  const preparations: Partial<Record<VariantImage, Preparation>> = {};
  for (const [image, spec] of Object.entries(specs) as [VariantImage, ImageSpec][]) {
    const made = ingredients[image];
    if (made === undefined) continue;
    const destination = {
      kind: 'layout',
      folder: pieceFolder(folder, { image, platform }),
      builderId: context.builderId,
    } as const;
    await rm(destination.folder, { recursive: true, force: true });
    const released: ImageSpec = { ...spec, platforms: [platform], destination, sourceDateEpoch: epoch };
    const listener = { onStep, onProgress };
    const preparation = await prepare(released, made, engine, builder, listener, signal);
    if (preparation.base.kind === 'bootstrap') throw bootstrapped();
    preparations[image] = preparation;
  }
  onStep(`building ${Object.keys(preparations).join(', ')} for ${platform}`);
  const file = join(folder, `docker-bake-${MACHINES[platform].debian}.json`);
  const built = await bakeImages(preparations, engine, builder, file, onProgress, signal);
  return Promise.all(
    (Object.entries(built) as [VariantImage, { readonly digest: string | undefined }][]).map(([image, { digest }]) =>
      finishPiece(image, platform, digest ?? '', context),
    ),
  );
}

const bootstrapped = (): WorkError =>
  new WorkError({
    kind: 'bootstrapped-base',
    title: 'A release stands on the pinned base',
    reason: 'the base is one that was made on this host, which nobody else can check',
    wayOut: 'name one that is in a registry: --base node:24-bookworm-slim',
  });

async function finishPiece(
  image: VariantImage,
  platform: Platform,
  digest: string,
  { folder: parent, onStep }: PieceContext,
): Promise<Piece> {
  const folder = pieceFolder(parent, { image, platform });
  const source = layoutContent(folder);
  const { manifests } = parseDocument<ImageIndex>(await source.document(digest));
  const manifest = manifests.find((one) => !isAttestation(one) && platformOf(one) === platform);
  if (manifest === undefined) throw new Error(`the build of ${image} has no ${platform}`);
  const { annotations = {}, layers } = parseDocument<ImageManifest>(await source.document(manifest.digest));
  onStep(`listing what is in ${image} for ${platform}`);
  const sbom = await sbomStatement(source, platform, manifest, layers, annotations);
  const said = await Promise.all(manifests.filter(isAttestation).map((one) => readStatements(source, one)));
  const statements = [...said.flatMap((one) => [...one.values()]).map(withoutProxies), sbom];
  // BuildKit names the image that a statement is about by the name that it pushes it under, and here it pushes none.
  const about = statements.map((one) => ({ ...one, subject: sbom.subject }));
  const attestation = await writeAttestation(folder, manifest, about);
  return indexPiece(folder, { image, platform, manifest, attestation, annotations });
}

/** Makes the index of one platform. */
export async function indexPiece(folder: string, parts: Omit<Piece, 'index'>): Promise<Piece> {
  const index = joinIndex([parts]);
  await addToLayout(folder, index);
  return { ...parts, index: index.descriptor };
}
