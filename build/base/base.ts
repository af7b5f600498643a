/** A parent image, resolved before the build. */
export interface Base {
  readonly kind: 'pinned' | 'bootstrap' | 'reference';
  /** The full name, for the annotation base.name: `docker.io/library/node:24-bookworm-slim`. */
  readonly name: string;
  /** For the annotation base.digest. */
  readonly digest: string;
  readonly nodeVersion: string;
  /** The value of FROM in the Dockerfile. */
  readonly from: string;
  /** Named build context that replaces FROM: `oci-layout:///…`. */
  readonly context: string | undefined;
  /** Image that replaces the stage with Debian's packages; undefined without a run base. */
  readonly runBase?: string;
  /** Lines of a warning that the user must see. */
  readonly warning: readonly string[];
}
