import { bucketOf, bucketsWanted, planNumbers, splitSource } from './number-plan.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const ADD = loadScript('add-numbers')
const REMOVE = loadScript('remove-numbers')
const HAS = loadScript('has-numbers')
const WITHDRAW = loadScript('withdraw-number')

/** Numbers a script looks at in one go. */
const STEP = 1_000

/** A set that grows while we ask is asked again; more often than this would be a defect. */
const ATTEMPTS_MAX = 50

/**
 * An exact set of telephone numbers in Redis, at 8 to 10 bytes a number however many there are. How many buckets it has
 * is remembered here and checked by each script, so a question costs one round trip.
 */
export class NumberSet {
  readonly #client: RedisClient
  readonly #base: string
  #buckets = 0
  #count = 0

  /** @param base key prefix with a hash tag: `<base>:meta` and `<base>:<bucket>` are used. */
  constructor(client: RedisClient, base: string) {
    this.#client = client
    this.#base = base
  }

  /** Returns how many of them were not in it. */
  async add(numbers: readonly number[]): Promise<number> {
    let added = 0
    for (const part of partsOf(numbers)) added += await this.#add(part)
    return added
  }

  /** Returns how many of them were in it. */
  async remove(numbers: readonly number[]): Promise<number> {
    let removed = 0
    for (const part of partsOf(numbers)) {
      const reply = await this.#ask(async (buckets) => {
        const plan = planNumbers(part, buckets)
        return await REMOVE.run(
          this.#client,
          [metaKey(this.#base), ...this.#keysOf(plan.buckets)],
          [buckets, plan.slots, part.join(' ')],
        )
      })
      if (reply !== null) removed += Number(reply[2])
    }
    return removed
  }

  /** Take a number out unless `other` has it too, in one step. Both sets share a hash tag. */
  async removeUnlessIn(other: NumberSet, number: number): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const keys = [this, other].flatMap((set) => [
        metaKey(set.#base),
        `${set.#base}:${bucketOf(number, Math.max(1, set.#buckets))}`,
      ])
      const args = [this.#buckets, other.#buckets, number]
      const [kind, buckets, others] = (await WITHDRAW.run(this.#client, keys, args)) as [string, number, number]
      this.#buckets = buckets
      other.#buckets = others
      if (kind !== 'moved') return
    }
    throw new Error(`number set ${this.#base} kept changing`)
  }

  /** Whether each of them is in it, in order; one round trip for up to a thousand. */
  async has(numbers: readonly number[]): Promise<boolean[]> {
    const found: boolean[] = []
    for (const part of partsOf(numbers)) {
      const reply = await this.#ask(async (buckets) => {
        const plan = planNumbers(part, buckets)
        return await HAS.run(
          this.#client,
          [metaKey(this.#base), ...this.#keysOf(plan.buckets)],
          [buckets, plan.slots, part.join(' ')],
        )
      })
      const marks = reply === null ? '' : String(reply[2])
      for (let index = 0; index < part.length; index++) found.push(marks.charCodeAt(index) === 0x31)
    }
    return found
  }

  /** How many numbers are in it. */
  async size(): Promise<number> {
    return Number((await this.#client.hget(metaKey(this.#base), 'count')) ?? 0)
  }

  async #add(numbers: readonly number[]): Promise<number> {
    let halted = false
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const from = this.#buckets
      const to = halted ? from : bucketsWanted(this.#count + numbers.length, from)
      const plan = planNumbers(numbers, to)
      const splits = splitKeys(this.#base, from, to)
      const keys = [metaKey(this.#base), ...splits, ...this.#keysOf(plan.buckets)]
      const reply = (await ADD.run(this.#client, keys, [
        from,
        to,
        splits.length / 2,
        plan.slots,
        numbers.join(' '),
      ])) as [string, number, number, number]
      this.#buckets = reply[1]
      this.#count = reply[2]
      if (reply[0] === 'added') return reply[3]
      halted = reply[0] === 'halted'
    }
    throw new Error(`number set ${this.#base} kept changing`)
  }

  /** Ask until the number of buckets is the one believed in; `null` when the set is empty and was never used. */
  async #ask(question: (buckets: number) => Promise<unknown>): Promise<readonly unknown[] | null> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (this.#buckets === 0 && attempt > 0) return null
      const reply = (await question(Math.max(this.#buckets, 1))) as readonly [string, number, ...unknown[]]
      this.#buckets = reply[1]
      if (reply[0] !== 'moved') return reply
    }
    throw new Error(`number set ${this.#base} kept changing`)
  }

  #keysOf(buckets: readonly number[]): string[] {
    return buckets.map((bucket) => `${this.#base}:${bucket}`)
  }
}

export function metaKey(base: string): string {
  return `${base}:meta`
}

/** The keys that growing from `from` to `to` buckets touches: for each new bucket the one it is split from, and itself. */
export function splitKeys(base: string, from: number, to: number): string[] {
  if (from === 0) return []
  const keys: string[] = []
  for (let added = from; added < to; added++) keys.push(`${base}:${splitSource(added)}`, `${base}:${added}`)
  return keys
}

function* partsOf(numbers: readonly number[]): Generator<readonly number[]> {
  for (let from = 0; from < numbers.length; from += STEP) yield numbers.slice(from, from + STEP)
}
