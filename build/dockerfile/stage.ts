/** One `FROM … AS …` of a Dockerfile. */
export interface Stage {
  readonly name: string;
  readonly from: string;
  /** The reason for the stage, as a comment in the Dockerfile. */
  readonly why: string;
  /** The instructions below FROM. */
  readonly body: string;
}

/** A layer that this project adds to the base, lowest first. */
export interface Layer {
  readonly name: string;
  /** Its contents, for people. */
  readonly holds: string;
  /** How the layer is made: by a RUN in a stage below the last one, or by an instruction that copies finished files. */
  readonly made:
    | { readonly by: 'stage'; readonly stage: string }
    | { readonly by: 'copy'; readonly stage: string; readonly instruction: string };
}

/** A global `ARG`. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

export const parameter = (name: string, value: string, meaning: string): Parameter => ({ name, value, meaning });

export interface DockerfilePlan {
  readonly parameters: readonly Parameter[];
  readonly stages: readonly Stage[];
  readonly layers: readonly Layer[];
}
