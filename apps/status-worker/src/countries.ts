import { countryOf } from '@chasqui/campaign'
import type { Chunk } from '@chasqui/campaign'
import { FACT } from '@chasqui/delivery'
import type { Lesson } from '@chasqui/delivery'

/** Recipients a chunk; `ordinal = chunk * CHUNK_ROWS + row`. */
const CHUNK_ROWS = 500
/** Chunks of which the numbers are kept, 4 kB each. */
const CHUNKS_KEPT = 256
/** Only these can make a message one that is billed. */
const PRICED = FACT.delivered | FACT.read | FACT.routeMarketingLite | FACT.routeMarketing

/**
 * Recipients' countries. Statuses name the recipient, and so the country; those to people known by a username alone may
 * not, and for these it is looked up in what the campaign was sent to.
 */
export class RecipientCountries {
  readonly #readChunk: (campaign: string, chunk: number) => Promise<Chunk | null>
  readonly #kept = new Map<string, Promise<readonly number[]>>()

  /** @param readChunk reads a chunk of a campaign's recipients; `null`: there is none. */
  constructor(readChunk: (campaign: string, chunk: number) => Promise<Chunk | null>) {
    this.#readChunk = readChunk
  }

  /** The same lessons with the country in each of those that a price may follow from, if anybody knows it. */
  async complete(campaign: string, lessons: readonly Lesson[]): Promise<readonly Lesson[]> {
    if (!lessons.some(isIncomplete)) return lessons
    return await Promise.all(
      lessons.map(async (lesson) => {
        if (!isIncomplete(lesson)) return lesson
        const country = await this.#lookUp(campaign, lesson.ordinal)
        return country === null ? lesson : { ...lesson, country }
      }),
    )
  }

  async #lookUp(campaign: string, ordinal: number): Promise<string | null> {
    const numbers = await this.#numbers(campaign, Math.floor(ordinal / CHUNK_ROWS))
    return countryOf(String(numbers[ordinal % CHUNK_ROWS] ?? ''))
  }

  async #numbers(campaign: string, chunk: number): Promise<readonly number[]> {
    const key = `${campaign} ${chunk}`
    const kept = this.#kept.get(key)
    if (kept !== undefined) return await kept
    const reading = this.#readChunk(campaign, chunk).then((found) => found?.to ?? [])
    // What could not be read is asked for again; so is what is not there.
    const forget = (): void => void this.#kept.delete(key)
    reading.then((numbers) => numbers.length === 0 && forget(), forget)
    this.#kept.set(key, reading)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > CHUNKS_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    return await reading
  }
}

function isIncomplete({ country, facts, prices = 0 }: Lesson): boolean {
  return country === undefined && ((facts & PRICED) !== 0 || prices !== 0)
}
