import type { Writable } from 'node:stream'

import type { Environment } from './settings.ts'

/** The world around a command, so that tests can be it. */
export type Io = {
  readonly env: Environment
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** Ms since 1970. */
  readonly now: () => number
}

/** What a command says: lines for people, or the API's own JSON for programs. */
export class Output {
  readonly #io: Io
  readonly #json: boolean

  constructor(io: Io, json: boolean) {
    this.#io = io
    this.#json = json
  }

  get json(): boolean {
    return this.#json
  }

  /** One answer: as JSON on one line, or as `lines`. */
  show(answer: unknown, lines: readonly string[]): void {
    this.#io.stdout.write(this.#json ? `${JSON.stringify(answer)}\n` : lines.map((line) => `${line}\n`).join(''))
  }

  /** For people only; never mixed into what programs read. */
  note(line: string): void {
    if (!this.#json) this.#io.stderr.write(`${line}\n`)
  }
}
