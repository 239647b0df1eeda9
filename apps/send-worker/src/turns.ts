import type { Slot } from '@chasqui/delivery'
import { pause } from '@chasqui/runtime'

import type { Capacity } from './capacity.ts'
import type { Pacer } from './pacer.ts'
import type { Shares } from './shares.ts'

export type TurnsOptions = {
  readonly capacity: Pick<Capacity, 'take' | 'giveBack'>
  readonly pacer: Pick<Pacer, 'ask' | 'giveBack' | 'mostAtOnce'>
  readonly shares: Shares
  /** Monotonic ms. */
  readonly now: () => number
  readonly onTrouble: (error: unknown) => void
}

/**
 * Questions for slots on their way at a time where a limit is so high that they are never waited for: the places for the
 * next turn are found meanwhile.
 */
const ROUNDS_UNPACED = 2
/** How soon a question for slots that failed is asked again, ms. */
const RETRY_MS = 200

/**
 * Brings this sender's visits their turns: so many places among the requests in flight, with a slot each. Who gets them is
 * decided when they are there, not when they are asked for: until then somebody who has a better claim may have come.
 */
export class Turns {
  readonly #options: TurnsOptions
  #waiting: readonly Waiter[] = []
  #rounds = 0
  #stop = new AbortController()

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Between one and `most` slots, and as many places; waits as long as it takes. None when `signal` aborts. */
  take(campaign: string, most: number, signal: AbortSignal): Promise<readonly Slot[]> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve([])
      const giveUp = (): void => {
        this.#remove(waiter)
        // Whoever serves must not wait for slots that nobody wants.
        if (this.#waiting.length === 0) this.#stop.abort()
        resolve([])
      }
      const waiter: Waiter = {
        campaign,
        most,
        expected: false,
        serve: (slots) => {
          signal.removeEventListener('abort', giveUp)
          resolve(slots)
        },
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting = [...this.#waiting, waiter]
      if (this.#rounds < Math.min(this.#waiting.length, this.#roundsAtOnce())) void this.#serve()
    })
  }

  /** Slots of a turn for which nobody was found. */
  giveBack(campaign: string, slots: readonly Slot[]): void {
    const { capacity, pacer, shares } = this.#options
    if (slots.length === 0) return
    shares.refund(campaign, slots.length)
    pacer.giveBack(slots)
    capacity.giveBack(slots.length, false)
  }

  #roundsAtOnce(): number {
    return Number.isFinite(this.#options.pacer.mostAtOnce()) ? 1 : ROUNDS_UNPACED
  }

  /** Round after round, as long as there is somebody for each that is under way. */
  async #serve(): Promise<void> {
    this.#rounds += 1
    while (this.#waiting.length >= this.#rounds) {
      if (this.#stop.signal.aborted) this.#stop = new AbortController()
      const { signal } = this.#stop
      try {
        await this.#round(signal)
      } catch (error) {
        this.#options.onTrouble(error)
        await pause(RETRY_MS, signal)
      }
    }
    this.#rounds -= 1
  }

  /** Places first: slots are taken from all processes, and whoever has no place for them would let them lapse. */
  async #round(signal: AbortSignal): Promise<void> {
    const { capacity, pacer, shares, now } = this.#options
    const unexpected = this.#waiting.filter(({ expected }) => !expected)
    const next = shares.next(unexpected, now())
    if (next === undefined) return
    next.expected = true
    let left = await capacity.take(Math.min(next.most, pacer.mostAtOnce()), signal)
    try {
      if (left === 0) return
      const answer = await pacer.ask(left)
      // Nobody holds places while a sender rests: they are all senders'.
      if (answer.kind === 'wait') {
        capacity.giveBack(left, false)
        left = 0
        return await pause(answer.ms, signal)
      }
      left -= this.#handOut(answer.slots, next)
    } finally {
      next.expected = false
      if (left > 0) capacity.giveBack(left, false)
    }
  }

  /**
   * @param asker whom they were asked for: within its campaign they are its own, for it knows best how many are of use.
   * @returns how many found somebody.
   */
  #handOut(slots: readonly Slot[], asker: Waiter): number {
    const { pacer, shares, now } = this.#options
    let given = 0
    while (given < slots.length) {
      const first = shares.next(this.#waiting, now())
      if (first === undefined) break
      const next = first.campaign === asker.campaign && this.#waiting.includes(asker) ? asker : first
      const turn = slots.slice(given, given + next.most)
      given += turn.length
      shares.charge(next.campaign, turn.length, now())
      this.#remove(next)
      next.serve(turn)
    }
    pacer.giveBack(slots.slice(given))
    return given
  }

  #remove(waiter: Waiter): void {
    this.#waiting = this.#waiting.filter((one) => one !== waiter)
  }
}

type Waiter = {
  readonly campaign: string
  readonly most: number
  /** A question for slots is on its way for it. */
  expected: boolean
  readonly serve: (slots: readonly Slot[]) => void
}
