import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A request as its worker wrote it to a socket. */
export type Departure = {
  /** Ms since 1970 by this machine's clock, whatever the worker's own says; with a fraction. */
  readonly at: number
  /** Of the message; empty where it carries none. */
  readonly callbackData: string
}

/**
 * When requests left, told by the workers' own undici. A witness that shares two processors with everybody else sees
 * requests late and in bunches; what a worker promises is when it writes.
 */
export class Departures {
  /** For the environment of every send-worker. */
  readonly env: Readonly<Record<string, string>>
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
    this.env = {
      DEPARTURES_FOLDER: folder,
      NODE_OPTIONS: `--import=${new URL('preload/departures.ts', import.meta.url).href}`,
    }
  }

  static async begin(): Promise<Departures> {
    return new Departures(await mkdtemp(join(tmpdir(), 'chasqui-departures-')))
  }

  /** All so far, in order of time. */
  async read(): Promise<Departure[]> {
    const names = await readdir(this.#folder)
    const texts = await Promise.all(names.map(async (name) => await readFile(join(this.#folder, name), 'utf8')))
    const boot = Date.now() - Number(process.hrtime.bigint()) / 1e6
    // A worker that was killed may have left a line half written.
    const departures = texts.flatMap((text) => {
      const lines = text.split('\n').slice(0, -1)
      return lines.map((line) => parse(line, boot))
    })
    return departures.sort((a, b) => a.at - b.at)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The most within any second. `times`: ms, in order. */
export function mostInSecond(times: readonly number[]): number {
  let most = 0
  let from = 0
  for (const [index, time] of times.entries()) {
    while (time - (times[from] ?? 0) >= 1_000) from += 1
    most = Math.max(most, index - from + 1)
  }
  return most
}

/** `boot`: when the machine's monotonic clock began, ms since 1970. */
function parse(line: string, boot: number): Departure {
  const [ns = '', callbackData = ''] = line.split(' ')
  return { at: boot + Number(ns) / 1e6, callbackData }
}
