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
  /** How it is made: by a RUN of a stage below the last one, in place; or by an instruction that copies what stands ready. */
  readonly made:
    | { readonly by: 'stage'; readonly stage: string }
    | { readonly by: 'copy'; readonly stage: string; readonly instruction: string };
}

export interface DockerfilePlan {
  /** `ARG`s before the first FROM: name, default, meaning. */
  readonly parameters: readonly { readonly name: string; readonly value: string; readonly meaning: string }[];
  readonly stages: readonly Stage[];
  readonly layers: readonly Layer[];
}
