import { connect, type Socket } from 'node:net'

/** What became of everything that was posted. */
export type Post = {
  /** Requests that were answered, by status; `0` are those that were cut off without an answer. */
  readonly answers: ReadonlyMap<number, number>
  /** From the request's last byte to the answer's first, ms, of those answered 200. */
  readonly latenciesMs: readonly number[]
}

export type PostmanOptions = {
  readonly host: string
  /** Where the receivers listen; connections are shared out among them. */
  readonly ports: readonly number[]
  readonly connections: number
  /** Whole HTTP requests; made when they are sent, so that millions of them need no memory. */
  readonly requests: Iterator<Buffer, void>
  /** Post again whatever was not answered 200, as Meta does. */
  readonly insist: boolean
  /** Requests a second, evenly; left out: as fast as they are answered. */
  readonly perSecond?: number
  /** Told of each answer. */
  readonly onAnswer?: (answered: number) => void
}

const AGAIN_AFTER_MS = 50
const STATUS_AT = 'HTTP/1.1 '.length
const HEAD_END = '\r\n\r\n'

/**
 * Plays Meta over raw sockets, one request in flight on each, for as long as there are requests; a receiver that dies and comes
 * back is posted to again.
 */
export async function post(options: PostmanOptions): Promise<Post> {
  const { ports, connections, requests, insist, perSecond, onAnswer } = options
  const answers = new Map<number, number>()
  const latenciesMs: number[] = []
  const again: Buffer[] = []
  const startedAt = performance.now()
  let [slots, answered, over] = [0, 0, false]

  const next = (): Buffer | null => {
    const repeated = again.pop()
    if (repeated !== undefined) return repeated
    if (over) return null
    const made = requests.next()
    over = made.done === true
    return made.done === true ? null : made.value
  }
  const note = (request: Buffer, status: number, ms: number): void => {
    answers.set(status, (answers.get(status) ?? 0) + 1)
    if (status === 200) latenciesMs.push(ms)
    else if (insist) again.push(request)
    answered += 1
    onAnswer?.(answered)
  }
  const carry = async (index: number): Promise<void> => {
    const port = ports[index % ports.length] ?? 0
    let line = new Line(options.host, port)
    for (;;) {
      // Each takes a slot of its own before it waits: together they post evenly, not all at once.
      if (perSecond !== undefined) await until(startedAt + (slots++ * 1_000) / perSecond)
      const request = next()
      if (request === null) break
      if (!line.alive) line = new Line(options.host, port)
      const { status, ms } = await line.ask(request)
      note(request, status, ms)
      if (status !== 200 && insist) await until(performance.now() + AGAIN_AFTER_MS)
    }
    line.close()
  }
  // The last carrier to fail may leave a request behind for nobody: then all set out again.
  do await Promise.all(Array.from({ length: connections }, async (_, index) => await carry(index)))
  while (again.length > 0)
  return { answers, latenciesMs }
}

/** One connection, one request at a time. */
class Line {
  readonly #socket: Socket
  #heard = ''
  #done: ((status: number) => void) | null = null

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (piece: string) => this.#hear(piece)).on('error', () => {})
    this.#socket.on('close', () => this.#end(0))
  }

  get alive(): boolean {
    return !this.#socket.destroyed
  }

  async ask(request: Buffer): Promise<{ readonly status: number; readonly ms: number }> {
    const startedAt = performance.now()
    const status = await new Promise<number>((resolve) => {
      this.#done = resolve
      this.#heard = ''
      this.#socket.write(request)
    })
    return { status, ms: performance.now() - startedAt }
  }

  close(): void {
    this.#socket.destroy()
  }

  /** An answer is there when its head is, and as much behind it as it says. */
  #hear(piece: string): void {
    this.#heard += piece
    const head = this.#heard.indexOf(HEAD_END)
    if (head === -1) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#heard)?.[1] ?? 0)
    if (this.#heard.length < head + HEAD_END.length + length) return
    if (/\r\nconnection: close/i.test(this.#heard.slice(0, head + 2))) this.#socket.destroy()
    this.#end(Number(this.#heard.slice(STATUS_AT, STATUS_AT + 3)))
  }

  #end(status: number): void {
    const done = this.#done
    this.#done = null
    done?.(status)
  }
}

async function until(atMs: number): Promise<void> {
  const ms = atMs - performance.now()
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
}

/** The value below which a share of these lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
