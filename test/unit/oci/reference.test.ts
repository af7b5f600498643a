import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { familiarReference, formatReference, parseReference } from '../../../build/oci/reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parseReference', () => {
  it.each([
    ['node', 'docker.io/library/node:latest'],
    ['node:24', 'docker.io/library/node:24'],
    ['openclaw/openclaw', 'docker.io/openclaw/openclaw:latest'],
    ['ghcr.io/openclaw/openclaw:2026.9.6', 'ghcr.io/openclaw/openclaw:2026.9.6'],
    ['localhost/openclaw', 'localhost/openclaw:latest'],
    ['localhost:5000/openclaw:try', 'localhost:5000/openclaw:try'],
    ['127.0.0.1:5000/a/b/c:1', '127.0.0.1:5000/a/b/c:1'],
    [`node@${DIGEST}`, `docker.io/library/node@${DIGEST}`],
    [`node:24@${DIGEST}`, `docker.io/library/node:24@${DIGEST}`],
    ['a__b/c.d-e:_x', 'docker.io/a__b/c.d-e:_x'],
  ])('%s is %s', (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
  });

  it.each([
    ['', 'repository name'],
    ['Node', 'must be lower-case'],
    ['node:', 'tag'],
    ['node:-x', 'tag'],
    ['node:a b', 'tag'],
    [`node:${'a'.repeat(129)}`, 'tag'],
    ['node@sha256:abc', 'the part after @ must be sha256:'],
    [`node@${DIGEST}@${DIGEST}`, 'more than one'],
    ['a//b', 'repository name'],
    ['-a', 'repository name'],
    ['ghcr.io/', 'repository name'],
    ['node;rm -rf /', 'repository name'],
    [`localhost/${'a'.repeat(256)}`, 'longer'],
  ])('refuses %s: %s', (text, reason) => {
    expect(() => parseReference(text)).toThrow(reason);
  });

  it('parses the text that it formatted', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/);
    const parts = fc.record({
      registry: fc.constantFrom('docker.io', 'ghcr.io', 'localhost', 'registry.example.com:8443', '10.0.0.1:5000'),
      path: fc.array(component, { minLength: 2, maxLength: 4 }),
      tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined }),
    });
    fc.assert(
      fc.property(parts, ({ registry, path, tag }) => {
        const text = `${registry}/${path.join('/')}${tag === undefined ? '' : `:${tag}`}`;
        const once = formatReference(parseReference(text));
        expect(formatReference(parseReference(once))).toBe(once);
        expect(formatReference(parseReference(familiarReference(parseReference(text))))).toBe(once);
      }),
    );
  });

  it('refuses a text, or returns one that is safe on a command line', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let full: string;
        try {
          full = formatReference(parseReference(text));
        } catch {
          return;
        }
        expect(full).toMatch(/^[A-Za-z0-9[][A-Za-z0-9._:/@[\]-]*$/);
      }),
    );
  });
});
