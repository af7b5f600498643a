/** One `FROM … AS …` of a Dockerfile. */
export interface Stage {
  readonly name: string;
  readonly from: string;
  /** Why it exists, for whoever reads the Dockerfile. */
  readonly why: string;
  /** The instructions, as they are to stand in the file. */
  readonly body: string;
}

/** A layer that this project puts on top of the base, lowest first. */
export interface Layer {
  readonly name: string;
  /** What it holds, for people. */
  readonly holds: string;
  /** Stage that makes its contents. */
  readonly stage: string;
  /** The path that the last stage copies from `stage`; undefined for a layer that a RUN makes in place. */
  readonly path: string | undefined;
}

export interface DockerfilePlan {
  /** `ARG`s before the first FROM: name, default, meaning. */
  readonly parameters: readonly { readonly name: string; readonly value: string; readonly meaning: string }[];
  readonly stages: readonly Stage[];
  readonly layers: readonly Layer[];
}
