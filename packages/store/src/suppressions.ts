import { personKey } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import { NumberSet } from './number-set.ts'
import type { RedisClient } from './redis.ts'

/**
 * People who must not be written to, by whatever spelling of their number. A number here stops every later claim of that
 * person, in any campaign; the answer of `add` means that it is stored.
 */
export class Suppressions {
  readonly #numbers: NumberSet

  constructor(client: RedisClient, keys: Keys) {
    this.#numbers = new NumberSet(client, keys.suppressions())
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

  async size(): Promise<number> {
    return await this.#numbers.size()
  }
}
