/** The parent image of a build, known before it starts. */
export interface Base {
  readonly kind: 'pinned' | 'bootstrap' | 'reference';
  /** For the annotation base.name, in full: `docker.io/library/node:24-bookworm-slim`. */
  readonly name: string;
  /** For the annotation base.digest. */
  readonly digest: string;
  readonly nodeVersion: string;
  /** What FROM says in the Dockerfile. */
  readonly from: string;
  /** A named build context that takes the place of FROM: `oci-layout:///…`. */
  readonly context: string | undefined;
  /** Something that the user must not miss, a line each. */
  readonly warning: readonly string[];
}
