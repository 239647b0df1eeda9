import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A process of the bench's own (endpoint, baseline), talked to over node's IPC: each message gets one answer. */
export type Child = {
  readonly pid: number
  /** Sends a message and waits for the answer. Throws when the process ends instead. */
  readonly ask: <Answer>(message: unknown) => Promise<Answer>
  /** The next thing the process says by itself. */
  readonly hear: <Answer>() => Promise<Answer>
  readonly stop: () => Promise<void>
}

/** Starts a TypeScript file of the bench in its own process. It ends when we do: its channel closes. */
export function startChild(file: URL, args: readonly string[] = [], execArgv: readonly string[] = []): Child {
  const process = fork(file, args, { execArgv: [...execArgv], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const { pid } = process
  if (pid === undefined) throw new Error(`could not start ${file.pathname}`)
  const hear = async <Answer>(): Promise<Answer> => nextMessage<Answer>(process, file)
  return {
    pid,
    hear,
    ask: async <Answer>(message: unknown) => {
      const answer = hear<Answer>()
      process.send(message as object)
      return answer
    },
    stop: async () => {
      if (process.exitCode !== null || process.signalCode !== null) return
      const exited = once(process, 'exit')
      process.disconnect()
      await exited
    },
  }
}

async function nextMessage<Answer>(process: ChildProcess, file: URL): Promise<Answer> {
  const given = new AbortController()
  try {
    const [answer] = (await Promise.race([
      once(process, 'message', { signal: given.signal }),
      once(process, 'exit', { signal: given.signal }).then(([code, signal]: unknown[]) => {
        throw new Error(`${file.pathname} ended early (${String(code ?? signal)})`)
      }),
    ])) as [Answer]
    return answer
  } finally {
    given.abort()
  }
}
