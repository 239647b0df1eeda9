import { personKey } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import { hearWord } from './latest-word.ts'
import type { Word } from './latest-word.ts'
import { NumberSet } from './number-set.ts'
import type { RedisClient } from './redis.ts'

/**
 * People who must not be written to, by whatever spelling of their number. A number here stops every later claim of that
 * person, in any campaign; the answer of `add` means that it is stored.
 */
export class Suppressions {
  readonly #numbers: NumberSet
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#numbers = new NumberSet(client, keys.suppressions())
    this.#client = client
    this.#keys = keys
  }

  /**
   * @param numbers E.164 without '+'.
   * @returns how many people were not suppressed before.
   */
  async add(numbers: readonly number[]): Promise<number> {
    return await this.#numbers.add(numbers.map(personKey))
  }

  /** Returns how many of them were suppressed. */
  async remove(numbers: readonly number[]): Promise<number> {
    return await this.#numbers.remove(numbers.map(personKey))
  }

  /** Whether each of them is suppressed, in order; one round trip for up to a thousand. */
  async areSuppressed(numbers: readonly number[]): Promise<boolean[]> {
    return await this.#numbers.has(numbers.map(personKey))
  }

  /**
   * A person's own word, as the provider tells of it: the last by its own time wins, so a late `resume` never undoes a
   * newer `stop`.
   *
   * @param at when the person said it, ms.
   * @returns whether it was acted upon.
   */
  async hear(number: number, word: Word, at: number): Promise<boolean> {
    const heard = { subject: String(personKey(number)), word, at }
    return await hearWord(this.#client, this.#keys.preferences(), heard, async (latest) => {
      if (latest === 'stop') await this.add([number])
      else await this.remove([number])
    })
  }

  async size(): Promise<number> {
    return await this.#numbers.size()
  }
}
