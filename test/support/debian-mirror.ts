import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { bridgeAddress, engine } from './command.ts';

/** A mirror of one Debian package in several versions. */
export interface DebianMirror {
  /** A line of a Dockerfile that adds the mirror to a base's sources. */
  readonly source: string;
  /** Serves one of the versions from now on. */
  readonly serve: (version: string) => void;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a mirror that build steps can reach. The package is Debian's own with another version, so that images work with it.
 *
 * @param base an image with apt, in a registry
 */
export async function startDebianMirror(
  base: string,
  name: string,
  versions: readonly string[],
): Promise<DebianMirror> {
  const address = await bridgeAddress();
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-mirror-'));
  const dockerfile = `FROM ${base} AS packages
RUN <<'SH'
set -eu
apt-get -qq update
apt-get -qq download ${name}
mkdir /mirror
for version in ${versions.join(' ')}; do
  dpkg-deb --raw-extract ${name}_*.deb unpacked
  sed -i "s/^Version: .*/Version: $version/" unpacked/DEBIAN/control
  dpkg-deb --build --root-owner-group unpacked "/mirror/$version.deb"
  { cat unpacked/DEBIAN/control
    echo "Filename: ./$version.deb"
    echo "Size: $(stat --format=%s "/mirror/$version.deb")"
    echo "SHA256: $(sha256sum "/mirror/$version.deb" | cut -d ' ' -f 1)"; } >"/mirror/$version"
  rm -r unpacked
done
SH
FROM scratch
COPY --from=packages /mirror /
`;
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  const run = $({ env: engine().environment });
  await run`${engine().docker} buildx build --builder=default --output ${`type=local,dest=${folder}/files`} ${folder}`;
  let [served = ''] = versions;
  // apt requests /./Packages.
  const server = createServer(async ({ url = '' }, response) => {
    const name = url.replace(/^[/.]+/, '');
    const file = name === 'Packages' ? served : name;
    const isKnown = versions.some((version) => file === version || file === `${version}.deb`);
    const content = isKnown ? await readFile(join(folder, 'files', file)) : undefined;
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => void server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    source: `RUN echo 'deb [trusted=yes] http://${address}:${port}/ ./' >/etc/apt/sources.list.d/mirror.list`,
    serve: (version) => {
      served = version;
    },
    stop: async () => {
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}
