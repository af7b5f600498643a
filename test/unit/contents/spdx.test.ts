import fc from 'fast-check';
import { expect, it } from 'vitest';
import { installedPackages } from '../../../build/contents/installed-packages.ts';
import { requirersOf } from '../../../build/contents/requirers.ts';
import { spdxDocument, spdxLicense } from '../../../build/contents/spdx.ts';

const subject = {
  name: 'ghcr.io/openclaw/openclaw',
  digest: `sha256:${'a'.repeat(64)}`,
  version: '2026.3.13',
  architecture: 'amd64',
  debian: '12',
  created: '2026-03-13T00:00:00Z',
};

it.each([
  [
    { kind: 'debian', name: 'libstdc++6', version: '1:12.2.0-14+deb12u1', architecture: 'amd64' },
    'pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14+deb12u1?arch=amd64&distro=debian-12',
    'NOASSERTION',
  ],
  [
    { kind: 'npm', name: '@scope/name', version: '1.2.3', architecture: undefined, license: 'MIT OR Apache-2.0' },
    'pkg:npm/%40scope/name@1.2.3',
    'MIT OR Apache-2.0',
  ],
  [
    { kind: 'npm', name: 'name', version: '1.0.0', architecture: undefined, license: 'SEE LICENSE IN x' },
    'pkg:npm/name@1.0.0',
    'NOASSERTION',
  ],
  [
    { kind: 'npm', name: 'name', version: '1.0.0', architecture: undefined, license: 'UNLICENSED' },
    'pkg:npm/name@1.0.0',
    'NOASSERTION',
  ],
] as const)('lists %j', (one, purl, license) => {
  const { packages, relationships } = spdxDocument(subject, [{ license: undefined, path: undefined, ...one }]);
  expect(packages[1]).toMatchObject({ externalRefs: [{ referenceLocator: purl }], licenseDeclared: license });
  expect(relationships).toEqual([
    { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-Image' },
    { spdxElementId: 'SPDXRef-Image', relationshipType: 'CONTAINS', relatedSpdxElement: 'SPDXRef-Package-1' },
  ]);
});

it.each([
  ['python', 'Typing_Extensions', 'pkg:pypi/typing-extensions@1.0'],
  ['program', 'node', 'pkg:generic/node@1.0'],
] as const)('names a %s package', (kind, name, purl) => {
  const one = { kind, name, version: '1.0', architecture: undefined, license: undefined, path: 'usr/x' };
  const { packages } = spdxDocument(subject, [one], () => 'sha256:b');
  expect(packages[1]).toMatchObject({
    externalRefs: [{ referenceLocator: purl }],
    sourceInfo: '/usr/x in the layer sha256:b',
  });
});

it('names the commit of a package from git', () => {
  const [name, address] = ['libsignal', 'git+https://github.com/whiskeysockets/libsignal-node.git'];
  const one = {
    kind: 'npm',
    name,
    version: '2.0.1',
    architecture: undefined,
    license: undefined,
    path: undefined,
  } as const;
  const git = { [name]: `${address}#${'c'.repeat(40)}` };
  const { packages } = spdxDocument({ ...subject, git }, [one, { ...one, name: 'constructor' }]);
  const purls = packages.slice(1).map(({ externalRefs }) => externalRefs[0]?.referenceLocator);
  expect(purls).toEqual([
    `pkg:npm/libsignal@2.0.1?vcs_url=${encodeURIComponent(`${address}@${'c'.repeat(40)}`)}`,
    'pkg:npm/constructor@2.0.1',
  ]);
});

it('gives the same bytes for the same packages', () => {
  expect(JSON.stringify(spdxDocument(subject, []))).toBe(JSON.stringify(spdxDocument(subject, [])));
});

it.each([
  ['MIT OR Apache-2.0', 'MIT OR Apache-2.0'],
  ['GPL-2.0-only WITH Classpath-exception-2.0', 'GPL-2.0-only WITH Classpath-exception-2.0'],
  ['Expat', 'MIT'],
  ['GPL-2+', 'GPL-2.0-or-later'],
  ['LGPL-2.1', 'LGPL-2.1-only'],
  ['BSD-3-clause', 'BSD-3-Clause'],
  ['public-domain', 'NOASSERTION'],
  ['UNLICENSED', 'NOASSERTION'],
  ['permissive', 'NOASSERTION'],
  ['SEE LICENSE IN x', 'NOASSERTION'],
  [undefined, 'NOASSERTION'],
])('declares the license %s as %s', (license, expected) => {
  expect(spdxLicense(license)).toBe(expected);
});

it('describes packages whose manifests say anything at all', () => {
  const path = 'app/node_modules/odd/package.json';
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('', '/', '@', '@/', '@scope/', 'a/b/c', '%', 'é', '1.0.0'));
  const manifest = fc.record(
    { name: value, version: value, license: value, dependencies: value },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(manifest, fc.jsonValue()), (content) => {
      const texts = new Map([[path, JSON.stringify(content)]]);
      const files = new Map([[path, { size: 1, fingerprint: '' }]]);
      const { packages } = spdxDocument(subject, installedPackages({ texts, files }));
      for (const { name, versionInfo } of packages)
        expect([typeof name, typeof versionInfo]).toEqual(['string', 'string']);
      expect(Array.isArray(requirersOf({ texts, files, layers: new Map() }, 'odd'))).toBe(true);
    }),
    { numRuns: 500 },
  );
});
