import { rm } from 'node:fs/promises';
import { statementsOf } from '../../attest/attestation.ts';
import { cosignSigner, parseSigning } from '../../attest/signature.ts';
import { baseOf } from '../../base/base-labels.ts';
import { cacheFolder } from '../../cache-folder.ts';
import { findEngine } from '../../engine/engine.ts';
import { withFolderLock } from '../../folder-lock.ts';
import { parseVersion } from '../../gateway/version.ts';
import { ANNOTATION, type Annotations, OVERRIDES_ANNOTATION, RUN_BASE_ANNOTATION } from '../../oci/annotations.ts';
import { layoutContent } from '../../oci/content.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseImageConfig, parseManifest } from '../../oci/document.ts';
import { hostPlatform, type Platform } from '../../oci/platform.ts';
import {
  familiarReference,
  InvalidReferenceError,
  parseReference,
  type Reference,
  repositoryOf,
} from '../../oci/reference.ts';
import { atDigest, missingImage } from '../../oci/registry.ts';
import { type Problem, RequestError, WorkError } from '../../problem.ts';
import { builtImages } from '../../release/build-images.ts';
import { compareLayers, compareSettings, type LayerResult } from '../../release/compare-layers.ts';
import { withoutArchitecture } from '../../release/plan-release.ts';
import { imageFolder } from '../../release/platform-image.ts';
import { INPUTS_PREDICATE, type RecordedInputs, readRecordedInputs } from '../../release/recorded-inputs.ts';
import { readRegistryImage } from '../../release/registry-image.ts';
import { parseRelease, type Release } from '../../release/release.ts';
import { entriesOf, resolveRelease } from '../../release/resolve-release.ts';
import { shortDigest } from '../../report/release-reports.ts';
import { style } from '../../report/style.ts';
import { table } from '../../report/table.ts';
import type { ImageSpec } from '../../spec/image-spec.ts';
import { BUILD_OPTIONS, type OptionValues } from '../../spec/option.ts';
import { referenceOr } from '../../spec/parse-image-spec.ts';
import { splitVariantTag, VARIANT_IMAGES } from '../../spec/variant.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { builderId, parsePlatformList, parseReleaseSpecs, RELEASE_BUILD_OPTIONS, today } from './release-options.ts';

const { source, package: packed, browser, extensions, heap, engine, builder, ca } = RELEASE_BUILD_OPTIONS;
const REPRODUCE_OPTIONS = {
  platform: {
    flags: '--platform <platform>',
    description: 'platform of the image to build again',
    unset: 'that of this host',
  },
  source: { ...source, unset: 'the package from npm' },
  package: { ...packed, unset: 'the version of the image, from npm' },
  extensions: { ...extensions, unset: 'those that the image records' },
  browser: { ...browser, unset: 'the one that the image records' },
  heap,
  attest: {
    flags: '--attest <how>',
    description:
      'sign a statement that all layers and settings are equal, and store it beside the image: keyless, or a cosign private key',
    unset: 'no statement',
    example: '--attest cosign.key',
  },
  engine,
  builder,
  ca,
  json: BUILD_OPTIONS.json,
} as const;

/** The predicate type of the statement: the platform, its layers, who built it again and when. */
const REPRODUCED = 'https://openclaw.ai/attestations/reproduced/v1';

type ReproduceOptions = OptionValues<typeof REPRODUCE_OPTIONS>;

export const reproduceCommand = defineCommand({
  name: 'reproduce',
  description: 'build a published image again on this host, and compare its layers and settings',
  options: REPRODUCE_OPTIONS,
  help: `
Version, base, time and replaced dependencies come from the annotations of the image; the locked dependencies, plugins and the browser
from its statement of inputs. An image that was built from a checkout needs the checkout of its commit. Publishes nothing but the
statement of --attest.
Exit codes: 0 all layers and settings are equal, 1 a layer or a setting differs, or the build failed.

Examples:
  scripts/run release reproduce ghcr.io/openclaw/openclaw:2026.9.6
  scripts/run release reproduce ghcr.io/openclaw/openclaw:main --source ../openclaw`,
  run,
}).argument('<reference>', 'image in a registry: ghcr.io/openclaw/openclaw:2026.9.6');

async function run(text: string, options: ReproduceOptions): Promise<void> {
  const { reference, platform } = parseRequest(text, options);
  const signing = parseSigning(options.attest ?? 'none');
  const consequence = 'nothing was published, and finished steps are cached';
  await runCommand({ json: options.json, consequence, cleansUp: true }, async (command) => {
    const { onStep, signal, orInterrupted } = command;
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS, signal);
    const signer = await orInterrupted(cosignSigner(signing, onStep));
    onStep(`reading ${text}`);
    const document = await registry.document(reference, reference.digest ?? reference.tag ?? 'latest');
    if (document === undefined) throw missingImage(familiarReference(reference));
    const { digest } = document.descriptor;
    const published = await readRegistryImage(registry, reference, digest, platform);
    if (published === undefined) throw otherPlatform(atDigest(reference, digest), platform);
    const annotations = published.manifest.annotations ?? {};
    const name = atDigest(reference, digest);
    const { [RUN_BASE_ANNOTATION]: runBase } = annotations;
    const statement = (await statementsOf(published.source, digest, platform)).get(INPUTS_PREDICATE);
    const recorded = statement === undefined ? undefined : readRecordedInputs(statement, name);
    const release = releaseOf(annotations, reference, platform, recorded);
    const { specs, problems } = parseReleaseSpecs(
      release,
      buildOptions(release, annotations, recorded, published.manifest.layers, options),
      undefined,
    );
    // The time decides nothing in a layer, but which dependencies are locked independently of this host.
    const sourceDateEpoch = Math.floor(Date.parse(annotations[ANNOTATION.created] ?? '') / 1000);
    const locked = recorded === undefined ? {} : { locked: recorded.locked };
    const timed = Object.fromEntries(
      entriesOf(specs).map(([image, spec]) => [
        image,
        { ...spec, ...runBaseOf(annotations), sourceDateEpoch, ...locked },
      ]),
    );
    const resolved = await orInterrupted(resolveRelease(release, timed, problems, onStep));
    const cli = await orInterrupted(findEngine(options.engine, onStep));
    const folder = cacheFolder('reproductions', digest.slice('sha256:'.length, 19));
    const rebuild = async () => {
      const context = {
        ...{ cli, builder: options.builder, folder, registry, listener: command, signal },
        ...{ builderId: await builderId(), cache: undefined },
      };
      const [built] = await builtImages(resolved, async () => context).build(platform);
      if (built === undefined) throw new Error('the build gave no image');
      const ours = layoutContent(imageFolder(folder, built));
      const manifest = parseManifest(await ours.document(built.manifest.digest), built.manifest.digest);
      const theirs = { layers: published.manifest.layers, source: published.source };
      const config = parseImageConfig(await ours.blob(manifest.config.digest), manifest.config.digest);
      const layers = await compareLayers(theirs, { layers: manifest.layers, source: ours }, onStep);
      return { layers, settings: compareSettings(published.config, config) };
    };
    const { layers, settings } = await withFolderLock(folder, rebuild).finally(() =>
      rm(folder, { recursive: true, force: true }),
    );
    const equal = layers.filter(({ status }) => status === 'equal').length;
    const isReproduced = equal === layers.length && settings.length === 0;
    if (isReproduced && signer !== undefined) {
      onStep(`signing that ${name} was reproduced`);
      const predicate = {
        ...(runBase === undefined ? {} : { runBase }),
        ...{ platform, builder: await builderId(), reproducedAt: new Date().toISOString() },
        layers: published.manifest.layers.map((layer) => layer.digest),
      };
      await signer.attest(registry, reference, document.descriptor, { type: REPRODUCED, predicate });
    }
    const ofLayers =
      equal === layers.length
        ? `all ${layers.length} layers are equal`
        : `${layers.length - equal} of ${layers.length} layers differ`;
    const conclusion = settings.length === 0 ? ofLayers : `${ofLayers}, and settings of the image differ`;
    return {
      text: () =>
        [
          ...[
            name,
            '',
            layerTable(layers),
            ...settings.map((setting) => `  ${setting}`),
            '',
            style(isReproduced ? 'green' : 'red', conclusion),
          ],
          ...(runBase === undefined
            ? []
            : [`The Debian packages come from its run base, and were not built: ${runBase}`]),
          ...(recorded === undefined ? ['The image records no lockfile, so its dependencies were locked again.'] : []),
          ...(isReproduced && signer !== undefined
            ? [`A signed statement says so, beside the image: ${REPRODUCED}`]
            : []),
        ].join('\n'),
      json: () => ({
        ...{ reference: text, digest, platform, reproduced: isReproduced, layers, settings },
        ...(runBase === undefined ? {} : { runBase }),
        lockfile: recorded === undefined ? 'made again' : 'of the image',
        attested: isReproduced && signer !== undefined,
      }),
      summary: `### ${name}: ${conclusion}\n`,
      failed: !isReproduced,
    };
  });
}

/** @throws RequestError with every problem */
function parseRequest(
  text: string,
  options: ReproduceOptions,
): { readonly reference: Reference; readonly platform: Platform } {
  const problems: Problem[] = [];
  const hint = 'name a published image: ghcr.io/openclaw/openclaw:2026.9.6';
  const reference = referenceOr(text, '<reference>', hint, problems);
  const given = options.platform === undefined ? [hostPlatform()] : parsePlatformList(options.platform, problems);
  const [platform, ...others] = given;
  if (others.length > 0) {
    const reason = 'names more than one platform';
    problems.push({ source: '--platform', value: options.platform ?? '', reason, hint: 'run the command for each' });
  }
  if (reference === undefined || platform === undefined || problems.length > 0) throw new RequestError(problems);
  return { reference, platform };
}

/** The release that published an image, from its annotations and its tag. @throws WorkError for an image of another kind */
function releaseOf(
  annotations: Annotations,
  reference: Reference,
  platform: Platform,
  recorded: RecordedInputs | undefined,
): Release {
  const version = parseVersion(annotations[ANNOTATION.version] ?? '');
  const { name, variant } = splitVariantTag(withoutArchitecture(reference.tag ?? ''));
  if (version === undefined || annotations[ANNOTATION.baseName] === undefined) {
    throw new WorkError({
      kind: 'annotations',
      title: 'The image has no annotations that describe its build',
      reason: `${familiarReference(reference)} has no annotations with the version of the gateway and its base.`,
      hint: 'name an image that scripts/run release published',
    });
  }
  const release = parseRelease({
    ref: name === 'main' ? 'refs/heads/main' : `refs/tags/v${version.text}`,
    event: 'push',
    // The packages that Debian serves today.
    date: today(),
    // A reference by digest has no variant.
    variants: [recorded !== undefined && recorded.browser !== 'none' ? 'browser' : VARIANT_IMAGES[variant]],
    platforms: [platform],
    registries: [repositoryOf(reference)],
    platformTags: true,
  });
  // A digest and the tag of a pull request name no ref, and the branch main has moved on.
  const { [ANNOTATION.revision]: commit } = annotations;
  return commit === undefined ? release : { ...release, commit };
}

/** The options of the build that made an image, as far as it tells. */
const buildOptions = (
  { version }: Pick<Release, 'version'>,
  annotations: Annotations,
  recorded: RecordedInputs | undefined,
  layers: readonly Descriptor[],
  {
    source: checkout,
    package: archive,
    heap: megabytes,
    browser: chosen = recorded === undefined || recorded.browser === 'none' ? undefined : recorded.browser,
    extensions: plugins = recorded?.extensions.join(' '),
    ca: authority,
  }: ReproduceOptions,
) => ({
  base: `${annotations[ANNOTATION.baseName]}@${annotations[ANNOTATION.baseDigest]}`,
  override: (annotations[OVERRIDES_ANNOTATION] ?? '').split(' ').filter((word) => word !== ''),
  // A package that names no commit was released with one; the others have the same.
  ...(version !== undefined && checkout === undefined && (process.env['OPENCLAW_SOURCE'] ?? '') === ''
    ? given('revision', annotations[ANNOTATION.revision]?.replace(/-dirty$/, ''))
    : {}),
  ...(checkout === undefined ? {} : { source: checkout }),
  // --source-url sets both.
  ...(annotations[ANNOTATION.source] === annotations[ANNOTATION.url]
    ? given('sourceUrl', annotations[ANNOTATION.source])
    : {}),
  ...(archive === undefined ? {} : { package: archive }),
  ...(megabytes === undefined ? {} : { heap: megabytes }),
  ...(layers.at(-1)?.mediaType.endsWith('zstd') === true ? { compression: 'zstd' } : {}),
  ...(chosen === undefined ? {} : { browser: chosen }),
  ...(plugins === undefined ? {} : { extensions: plugins }),
  ...(authority === undefined ? {} : { ca: authority }),
});

/** Replaces the base by the run base that an image names. Anybody may have written that name, so the result says that it was used. */
function runBaseOf(annotations: Annotations): { readonly base?: ImageSpec['base'] } {
  const { [RUN_BASE_ANNOTATION]: name } = annotations;
  const base = baseOf(annotations);
  if (name === undefined || base === undefined) return {};
  try {
    const image = parseReference(name);
    const { digest } = image;
    return digest === undefined ? {} : { base: { kind: 'run-base', image: { ...image, digest }, base } };
  } catch (error) {
    if (error instanceof InvalidReferenceError) return {};
    throw error;
  }
}

const given = (name: 'revision' | 'sourceUrl', value: string | undefined) =>
  value === undefined ? {} : { [name]: value };

const otherPlatform = (name: string, platform: Platform): WorkError =>
  new WorkError({
    kind: 'no-such-platform',
    title: 'The image is not for this platform',
    reason: `${name} has no image for ${platform}.`,
    hint: 'name another platform: --platform linux/arm64',
  });

const layerTable = (layers: readonly LayerResult[]): string =>
  table(
    [{ right: 'layer' }, '', 'published', 'differences'],
    layers.map(({ number, status, published, differences }) => [
      String(number),
      { color: status === 'equal' ? 'green' : 'red', text: status },
      published === undefined ? '' : shortDigest(published),
      differences,
    ]),
  );
