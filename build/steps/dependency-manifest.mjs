// Reads a package.json on standard input, and prints what npm installs for it. Arguments: packages whose install scripts may run.
import { argv, stdin } from 'node:process';
import { json } from 'node:stream/consumers';

/**
 * The dependencies of a package, without anything that changes with its version: the key of the dependency layers. Bundled dependencies
 * are left out: they are in the package's tarball, possibly patched, and npm would fetch them again.
 *
 * @param {{ readonly dependencies?: Readonly<Record<string, string>>,
 *   readonly optionalDependencies?: Readonly<Record<string, string>>,
 *   readonly bundleDependencies?: readonly string[] | boolean, readonly bundledDependencies?: readonly string[] | boolean }} manifest
 */
export function dependencyManifest(manifest) {
  const bundled = manifest.bundleDependencies ?? manifest.bundledDependencies ?? [];
  const isBundled = (/** @type {string} */ name) =>
    bundled === true || (Array.isArray(bundled) && bundled.includes(name));
  const optionalDependencies = Object.fromEntries(
    Object.entries(manifest.optionalDependencies ?? {}).filter(([name]) => !isBundled(name)),
  );
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies ?? {}).filter(([name]) => !isBundled(name) && !(name in optionalDependencies)),
  );
  return { private: /** @type {const} */ (true), dependencies, optionalDependencies };
}

if (import.meta.main ?? argv[1] === import.meta.filename) {
  const allowScripts = Object.fromEntries(argv.slice(2).map((name) => [name, true]));
  const read = /** @type {Parameters<typeof dependencyManifest>[0]} */ (await json(stdin));
  const manifest = dependencyManifest(read);
  console.log(JSON.stringify({ ...manifest, allowScripts }));
}
