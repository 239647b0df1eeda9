import { Problem } from './problem.ts'

export type RoomOptions = {
  /** How much of its memory Redis takes, from 0 to 1; `null`: it has no bound. */
  readonly share: () => Promise<number | null>
  /** From this share on nothing new is taken in. */
  readonly most: number
  /** Monotonic ms. */
  readonly now: () => number
  readonly onRefused: () => void
}

/** Redis is asked at most this often, whatever is taken in, ms. */
const ASKED_EVERY_MS = 1_000

/**
 * Keeps room in Redis for what is under way: claims, outcomes and statuses need memory too, and a campaign that cannot be
 * stored now can be stored later.
 */
export class Room {
  readonly #options: RoomOptions
  #asked: { readonly at: number; readonly share: Promise<number | null> } | null = null

  constructor(options: RoomOptions) {
    this.#options = options
  }

  /** @throws Problem `store_full`. */
  async check(): Promise<void> {
    const { most, onRefused } = this.#options
    const share = await this.#share()
    if (share === null || share < most) return
    onRefused()
    throw new Problem(
      'store_full',
      `Redis is ${Math.round(share * 100)} % full, and from ${Math.round(most * 100)} % on nothing new is taken in: try again later`,
    )
  }

  async #share(): Promise<number | null> {
    const now = this.#options.now()
    if (this.#asked !== null && now - this.#asked.at < ASKED_EVERY_MS) return await this.#asked.share
    const share = this.#options.share()
    this.#asked = { at: now, share }
    return await share
  }
}
