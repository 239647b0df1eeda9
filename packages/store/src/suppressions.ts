import { personKey } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import { NumberSet } from './number-set.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const JUDGE = loadScript('judge-preference')

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
   * The word and the list lie in different places, so two processes may hear two words at once and act in the wrong order.
   * Therefore each looks again after it has acted: whoever acts last acts on the latest word.
   *
   * @param at when the person said it, ms.
   * @returns whether it was acted upon.
   */
  async hear(number: number, value: 'stop' | 'resume', at: number): Promise<boolean> {
    const person = personKey(number)
    const latest = await JUDGE.run(this.#client, [this.#keys.preferences()], [person, Math.floor(at), value])
    if (latest !== 1) return false
    for (let acted: string | null = null, word: string | null = value; word !== acted && word !== null;) {
      acted = word
      if (acted === 'stop') await this.add([number])
      else await this.remove([number])
      const known = await this.#client.hget(this.#keys.preferences(), String(person))
      word = known?.split(':')[1] ?? null
    }
    return true
  }

  async size(): Promise<number> {
    return await this.#numbers.size()
  }
}
