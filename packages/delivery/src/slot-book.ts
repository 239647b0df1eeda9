import type { AskedAt } from './fence.ts'
import { PERMIT_LATE_US } from './permits.ts'
import type { ToldGrant } from './permits.ts'
import { RedisOffset, wasSetBack } from './redis-offset.ts'

/** The moment from which on a message may leave, and until when it must have, monotonic ms. */
export type Slot = {
  readonly at: number
  readonly latest: number
  /** The same by the machine's clock, ms since 1970: a monotonic clock stands still while its machine is suspended. */
  readonly latestByWall: number
}

/** A grant of slots, as Redis answers it. */
export type GrantedSlots = { readonly serial: number; readonly nowUs: number; readonly aheadUs: readonly number[] }

const LATE_MS = PERMIT_LATE_US / 1_000
/** The machine's clock tells whole milliseconds; asked twice it may be one off. */
const WALL_GRAIN_MS = 1

/**
 * What one process does with the slots of a sender: tells when each may be used, sees to it that none is used twice or too
 * late, and tells Redis when their messages left, by Redis' clock and never too early.
 *
 * Which of the two clocks is behind the other is never known, only how far it can be: a slot begins when it certainly has
 * begun, and ends, and has been used, when that is certainly not later by Redis. Where the machine's clock was set back,
 * nobody knows for how long the machine may have been suspended: those slots are over.
 */
export class SlotBook {
  readonly #offset = new RedisOffset()
  #grants: readonly Grant[] = []

  /** An answer that granted nothing tells at least how the clocks lie. `nowUs`: Redis' time in it, µs since 1970. */
  heard(asked: AskedAt, received: AskedAt, nowUs: number): void {
    this.#offset.note(asked, received, nowUs / 1_000)
  }

  /** @param asked just before the question. @param received when its answer was read. */
  granted(asked: AskedAt, received: AskedAt, { serial, nowUs, aheadUs }: GrantedSlots): readonly Slot[] {
    const { least, most } = this.#offset.note(asked, received, nowUs / 1_000)
    const skew = received.wall - received.now
    const isOver = wasSetBack(skew, asked.wall - asked.now)
    const grant: Grant = { serial, nowUs, most, skew, slots: [], isOver }
    for (const ahead of aheadUs) {
      const moment = nowUs / 1_000 + ahead / 1_000
      const latest = moment + LATE_MS - most
      grant.slots.push({
        at: moment - least,
        latest,
        latestByWall: latest + skew + WALL_GRAIN_MS,
        aheadUs: ahead,
        leftUs: null,
        grant,
      })
    }
    this.#grants = [...this.#grants, grant]
    return grant.slots
  }

  /** Whether no message may leave in it any more. */
  isOver(slot: Slot, now: number, wall: number): boolean {
    if (now > slot.latest || wall > slot.latestByWall) return true
    return isBooked(slot) && (slot.grant.isOver || wasSetBack(wall - now, slot.grant.skew))
  }

  /** Asked once, when a message is about to leave: whether its slot still holds. If so, it has been used. */
  use(slot: Slot, now: number, wall: number): boolean {
    if (this.isOver(slot, now, wall)) return false
    if (!isBooked(slot)) return true
    if (slot.leftUs !== null) return false
    const { most, skew, nowUs } = slot.grant
    // What the machine's clock has gained was a suspension, which the monotonic one has not seen.
    const suspended = Math.max(0, wall - now - skew - WALL_GRAIN_MS)
    slot.leftUs = Math.ceil((now + suspended + most) * 1_000 - nowUs)
    return true
  }

  /** What became of the grants none of whose slots can be used any more; told once. */
  told(now: number, wall: number): readonly ToldGrant[] {
    const isEnded = ({ slots }: Grant): boolean =>
      slots.every((slot) => slot.leftUs !== null || this.isOver(slot, now, wall))
    const ended = this.#grants.filter(isEnded)
    if (ended.length > 0) this.#grants = this.#grants.filter((grant) => !ended.includes(grant))
    // Whatever clocks do from here on: others may be given these permits.
    for (const grant of ended) grant.isOver = true
    return ended.map(({ serial, nowUs, slots }) => ({
      serial,
      nowUs,
      slots: slots.map(({ aheadUs, leftUs }) => [aheadUs, leftUs] as const),
    }))
  }

  /** When there may be something to tell: the last slot of some grant begins, monotonic ms; `null`: nothing is open. */
  get tellAt(): number | null {
    if (this.#grants.length === 0) return null
    return Math.min(...this.#grants.map(({ slots }) => slots.at(-1)?.at ?? 0))
  }
}

type BookedSlot = Slot & { readonly aheadUs: number; readonly grant: Grant; leftUs: number | null }

type Grant = {
  readonly serial: number
  readonly nowUs: number
  /** Redis' time is at most so much more than the monotonic clock's, ms. */
  readonly most: number
  /** How far the machine's clock was ahead of the monotonic one, ms. */
  readonly skew: number
  readonly slots: BookedSlot[]
  /** No slot of it may be used any more. */
  isOver: boolean
}

function isBooked(slot: Slot): slot is BookedSlot {
  return 'grant' in slot
}
