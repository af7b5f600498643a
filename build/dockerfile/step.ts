// Mounts and lines of shell that several steps share.

/** Folder with the finished files of each layer, as they appear in the image. */
export const LAYERS = '/finished';

/** Reads the helpers; the first line of every step that uses them. */
export const PRELUDE = '. /helpers/prelude.sh';
export const HELPERS_MOUNT = '--mount=from=helpers,target=/helpers';
export const PROGRAMS_MOUNT = '--mount=from=programs,target=/programs';

/** The certificate authority of a proxy, as a secret: see build/steps/prelude.sh. */
export const CA_MOUNTS = `${HELPERS_MOUNT} --mount=type=secret,id=ca`;
/** For steps that download packages: npm's registry and tokens. */
export const REGISTRY_MOUNTS = `${CA_MOUNTS} --mount=type=secret,id=npmrc,target=/root/.npmrc`;
/** For steps that run code of other people: npm's registry, without tokens. */
export const UNTRUSTED_MOUNTS = `${CA_MOUNTS} --mount=type=secret,id=npm_registry,target=/root/.npmrc`;
export const NPM_MOUNTS = `${REGISTRY_MOUNTS} --mount=type=cache,target=/root/.npm`;
export const APT_MOUNTS = `${CA_MOUNTS} \\
    --mount=type=cache,target=/var/cache/apt,sharing=locked \\
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked`;
/** Memory for an installation that is reduced afterwards, so that only the remaining files reach the disk. */
export const INSTALL_MOUNT = '--mount=type=tmpfs,target=/install';
/** For steps that run code of other people, which needs nothing from a network. The build cannot pass anything on either. */
export const OFFLINE_MOUNTS = `--network=none ${HELPERS_MOUNT}`;
/** The npm package contains the program, and npm checks its integrity. */
export const BUN = 'bun@1.4.4';
/** In every image, for skills that install their dependencies. It fetches itself in the version that a project pins. */
export const PNPM = 'pnpm@11.28.11';
/** SHA-512 of its package, as npm names it in `dist.integrity`. */
export const PNPM_SHA512 =
  '740184d10f81f5d5b165be88560ee7ba62406c4134896abc27a580109eec2f47c1e41d91251c944c2cababcb1c22461799ebb72de2ec625af2030b0e36c735a3';

/** A RUN with the helpers. @param lines after the prelude */
export const run = (mounts: string, lines: string): string => `RUN ${mounts} <<'SH'
${PRELUDE}
${lines}
SH`;

/** Installs Debian packages. */
export const installPackages = (names: string): string => run(APT_MOUNTS, `apt_install ${names}`);
