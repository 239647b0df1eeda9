import type { Figure } from './figure.ts'
import type { Options } from './options.ts'

/** What a part of the bench is given. */
export type Bench = Options & {
  /** A line about where it stands, for the person who waits. */
  readonly say: (line: string) => void
}

/** One part of the bench: measures, and says what it found. Everything it started has ended when it returns. */
export type RunPart = (bench: Bench) => Promise<Figure[]>
