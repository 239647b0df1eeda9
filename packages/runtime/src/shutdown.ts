import type { Logger } from './logger.ts'

/** One thing to bring to its end, named for the log. */
export interface ShutdownStep {
  readonly name: string
  readonly run: () => unknown
}

export interface ShutdownOptions {
  readonly logger: Logger
  /** In the order they are run: first what lets work in, last what the others lean on. */
  readonly steps: readonly ShutdownStep[]
  /** After this the process ends with 1, whatever is still running. Keep it below the orchestrator's own patience (Kubernetes: 30 s). */
  readonly deadlineMs: number
  readonly signals?: readonly NodeJS.Signals[]
}

/**
 * npm forwards a signal to its child; sent to a whole process group (Ctrl-C, a supervisor) it arrives twice. Only a repeat
 * after this long is somebody who has lost patience.
 */
const ECHO_MS = 1_000

/**
 * Ends the process in order on the first signal: runs the steps one after the other and exits with 0.
 *
 * A step that throws is logged and the next ones still run; the exit code is 1 then. A second signal, a second or more after
 * the first, exits with 1 at once.
 * @returns a function that begins the same end without a signal: give it the error that makes it necessary
 */
export function onShutdown({
  logger,
  steps,
  deadlineMs,
  signals = ['SIGTERM', 'SIGINT'],
}: ShutdownOptions): (cause: unknown) => void {
  let ending = false
  let signalledAtMs = Infinity

  const end = async (failed: boolean): Promise<never> => {
    setTimeout(() => {
      logger.error({ deadlineMs }, 'shutdown took too long')
      process.exit(1)
    }, deadlineMs).unref()
    let code = failed ? 1 : 0
    for (const { name, run } of steps) {
      try {
        await run()
      } catch (err) {
        code = 1
        logger.error({ err, step: name }, 'shutdown step failed')
      }
    }
    logger.info({ code }, 'stopped')
    process.exit(code)
  }

  for (const signal of signals) {
    process.on(signal, () => {
      const sinceFirstMs = performance.now() - signalledAtMs
      if (sinceFirstMs >= ECHO_MS) process.exit(1)
      signalledAtMs = Math.min(signalledAtMs, performance.now())
      if (ending) return
      ending = true
      logger.info({ signal }, 'stopping')
      void end(false)
    })
  }

  return (cause) => {
    if (ending) return
    ending = true
    logger.fatal({ err: cause }, 'stopping because of an error')
    void end(true)
  }
}
