import { createHash } from 'node:crypto'

import { bodiesIn, fieldIn, fieldsOf } from './body-pack.ts'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'
import type { ScriptArgument } from './script.ts'

const BURY = loadScript('bury-letters')
const REPLAY = loadScript('replay-letters')

const LETTERS_MAX = 10_000
/** Letters a script call: some hundred microseconds of Redis, and no more than one large body. */
const LETTERS_A_CALL = 50
const BYTES_A_CALL = 512 * 1024
const LIST_PAGE = 20
const FIRST = '0-0'

/** Why a webhook, or a part of it, could not be made use of. */
export type DeadLetter = { readonly reason: string; readonly body: string }

/** A dead letter as it is kept. */
export type KeptLetter = {
  /** Its place; letters are told in the order they were put aside in. */
  readonly id: string
  readonly reason: string
  /** When it was put aside, ms. */
  readonly at: number
  /** Whole, as it came. */
  readonly body: Buffer
}

export type ReplayedLetters = {
  /** Letters that are in the log again. */
  readonly moved: number
  /** Letters of other reasons, left where they are. */
  readonly passed: number
}

/** What nobody could make use of, whole, with its reason; bounded in number and in bytes, the newest stay. */
export class DeadLetters {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #keepBytes: number

  /** @param keepBytes what their bodies may take in Redis, about. */
  constructor(client: RedisClient, keys: Keys, keepBytes: number) {
    this.#client = client
    this.#keys = keys
    this.#keepBytes = keepBytes
  }

  /**
   * Put letters aside; the same letter again is none, so a batch that is folded twice leaves no doubles.
   *
   * @returns how many old ones were forgotten for them.
   */
  async bury(letters: readonly DeadLetter[], now: number): Promise<number> {
    let forgotten = 0
    let call: ScriptArgument[] = []
    let bytes = 0
    const send = async (): Promise<void> => {
      if (call.length === 0) return
      const keys = [this.#keys.deadLetters(), this.#keys.deadLetterIndex()]
      const [, gone] = (await BURY.run(this.#client, keys, [LETTERS_MAX, this.#keepBytes, ...call])) as [number, number]
      forgotten += gone
      call = []
      bytes = 0
    }
    for (const { reason, body } of letters) {
      const raw = Buffer.from(body)
      const [form = '', value = raw] = await fieldsOf([raw])
      if (bytes + value.length > BYTES_A_CALL || call.length >= LETTERS_A_CALL * 5) await send()
      const digest = createHash('sha256').update(reason).update('\n').update(raw).digest('hex').slice(0, 32)
      call.push(digest, reason, Math.floor(now), form, value)
      bytes += value.length
    }
    await send()
    return forgotten
  }

  async count(): Promise<number> {
    return await this.#client.xlen(this.#keys.deadLetters())
  }

  /** What they take in Redis, about. */
  async bytes(): Promise<number> {
    return Number((await this.#client.hget(this.#keys.deadLetterIndex(), 'bytes')) ?? 0)
  }

  /** All letters, oldest first, a few at a time. */
  async *list(): AsyncGenerator<KeptLetter> {
    for (let behind = FIRST; ;) {
      const reply = await this.#client.xrangeBuffer(this.#keys.deadLetters(), `(${behind}`, '+', 'COUNT', LIST_PAGE)
      for (const letter of reply as readonly (readonly [Buffer, readonly Buffer[]])[]) yield parseLetter(letter)
      const last = (reply as readonly (readonly [Buffer, unknown])[]).at(-1)
      if (last === undefined) return
      behind = last[0].toString()
    }
  }

  /**
   * Give the letters there are now to the log again, oldest first, each exactly once, however often this is called or broken
   * off. Those that fail again come back with the reason they fail for then.
   *
   * @param reason only letters of this reason; `null` for all. @param onStep told how far it came after each bounded step.
   */
  async replay(reason: string | null, onStep: (so: ReplayedLetters) => void): Promise<ReplayedLetters> {
    const letters = this.#keys.deadLetters()
    const [newest] = await this.#client.xrevrange(letters, '+', '-', 'COUNT', 1)
    let so = { moved: 0, passed: 0 }
    if (newest === undefined) return so
    const keys = [this.#keys.webhookLog(), letters, this.#keys.deadLetterIndex()]
    for (let behind = FIRST, over = 0; over === 0;) {
      const args = [behind, newest[0], LETTERS_A_CALL, BYTES_A_CALL, reason ?? '']
      const reply = (await REPLAY.run(this.#client, keys, args)) as [string, number, number, number]
      so = { moved: so.moved + reply[1], passed: so.passed + reply[2] }
      behind = reply[0]
      over = reply[3]
      onStep(so)
    }
    return so
  }
}

function parseLetter([id, fields]: readonly [Buffer, readonly Buffer[]]): KeptLetter {
  const [body = Buffer.alloc(0)] = bodiesIn(fields)
  const [reason, at] = [fieldIn(fields, 'reason'), fieldIn(fields, 'at')]
  return { id: id.toString(), reason: reason ?? '', at: Number(at ?? Number.parseInt(id.toString(), 10)), body }
}
