// Owns what every operation is given by its caller besides its own options: a way to stop it and a way to hear how far it is.

/** `done` and `total` count `unit`s; a total that is not known is left out. */
export interface WorkStep {
  readonly label: string
  readonly done?: number
  readonly total?: number
  readonly unit?: string
}

export interface Work {
  /** Stops the operation at the next opportunity; it then throws the signal's reason and leaves no output file. */
  readonly signal?: AbortSignal
  readonly progress?: (step: WorkStep) => void
}
