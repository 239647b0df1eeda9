/** Where a command writes: what was asked for to stdout, everything about it to stderr. */
export type Out = {
  readonly line: (text: string) => void
  readonly note: (text: string) => void
  /** How far it is; shown now and then, for the person who waits. */
  readonly progress: (text: string) => void
}

const PROGRESS_EVERY_MS = 1_000

export function processOut(): Out {
  let shownAt = performance.now()
  const note = (text: string): void => void process.stderr.write(`${text}\n`)
  return {
    line: (text) => void process.stdout.write(`${text}\n`),
    note,
    progress: (text) => {
      if (performance.now() - shownAt < PROGRESS_EVERY_MS) return
      shownAt = performance.now()
      note(text)
    },
  }
}
