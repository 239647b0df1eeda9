/** Something that is done again and again until it is stopped. */
export type Repeating = { readonly stop: () => Promise<void> }

/** Do `work` now and then every `ms` after it has ended; one that fails is reported and tried again at the next time. */
export function every(ms: number, work: () => Promise<void>, onError: (error: unknown) => void): Repeating {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let running: Promise<void> = Promise.resolve()
  const turn = (): void => {
    running = work()
      .catch(onError)
      .finally(() => {
        if (!stopped) timer = setTimeout(turn, ms)
      })
  }
  turn()
  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
