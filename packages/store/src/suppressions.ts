import { personKey } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import { hearWord, overruleWord } from './latest-word.ts'
import type { Word } from './latest-word.ts'
import { NumberSet } from './number-set.ts'
import type { RedisClient } from './redis.ts'

/**
 * People who must not be written to, by whatever spelling of their number. A number here stops every later claim of that
 * person, in any campaign; the answer of `add` means that it is stored.
 *
 * Suppressed is who an operator has listed, or whose own last word is `stop`. A person's `resume` takes back their own
 * `stop` and never what an operator listed: that may have reasons WhatsApp knows nothing of. An operator takes back both,
 * and what was said before that, heard again or late, changes nothing any more.
 */
export class Suppressions {
  readonly #numbers: NumberSet
  readonly #listed: NumberSet
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#numbers = new NumberSet(client, keys.suppressions())
    this.#listed = new NumberSet(client, keys.listed())
    this.#client = client
    this.#keys = keys
  }

  /**
   * An operator lists people.
   *
   * @param numbers E.164 without '+'.
   * @returns how many people were not suppressed before.
   */
  async add(numbers: readonly number[]): Promise<number> {
    const people = numbers.map(personKey)
    // Listed first: a `resume` that is heard in between leaves them alone, or comes before they are suppressed here.
    await this.#listed.add(people)
    return await this.#numbers.add(people)
  }

  /** An operator takes people off, whoever put them on. Returns how many of them were suppressed. */
  async remove(numbers: readonly number[]): Promise<number> {
    let removed = 0
    for (const person of numbers.map(personKey)) {
      const said = { subject: String(person), word: 'resume', now: await this.#now() } as const
      await overruleWord(this.#client, this.#keys.preferences(), said, async (latest) => {
        if (latest === 'stop') return await this.#stop(person)
        await this.#listed.remove([person])
        removed += await this.#numbers.remove([person])
      })
    }
    return removed
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
    const person = personKey(number)
    const heard = { subject: String(person), word, at }
    return await hearWord(this.#client, this.#keys.preferences(), heard, async (latest) => {
      if (latest === 'stop') await this.#stop(person)
      else await this.#numbers.removeUnlessIn(this.#listed, person)
    })
  }

  async size(): Promise<number> {
    return await this.#numbers.size()
  }

  async #stop(person: number): Promise<void> {
    await this.#numbers.add([person])
  }

  /** Ms by Redis. */
  async #now(): Promise<number> {
    const [seconds, micros] = await this.#client.time()
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  }
}
