/** What one run of a scenario is given. */
export type Run = {
  readonly seed: number
  /** A form of seconds, for every commit. */
  readonly short: boolean
  readonly say: (line: string) => void
}

export type Result = {
  /** The numbers of its row. */
  readonly figures: Readonly<Record<string, number>>
  /** What did not hold; none: all held. */
  readonly violations: readonly string[]
}

export type Scenario = {
  readonly name: string
  /** What is shown, as a sentence. */
  readonly shows: string
  /** Too long for every commit: `--short` leaves it out, unless it is asked for by name. */
  readonly long?: true
  /** It measures times or takes all cores: nothing else runs beside it. */
  readonly alone?: true
  readonly run: (run: Run) => Promise<Result>
}
