import type { AskedAt } from './fence.ts'

/** How much more Redis' time is than the monotonic clock's, at least and at most, ms. */
export type OffsetBounds = { readonly least: number; readonly most: number }

/** Questions that are remembered: of some seconds, where slots are asked for. */
const KEPT = 32
const KEPT_MS = 5_000
/** Clocks that are kept by NTP are slewed by at most so much, ms a ms (500 ppm; RFC 5905, appendix A.1.1: `MAXFREQ`). */
const DRIFT = 0.000_5
/** The machine's clock tells whole milliseconds; what it has lost to the monotonic one beyond this, it was set back, ms. */
const SET_BACK_MS = 2

/**
 * Whether the machine's clock was set back meanwhile: then it does not tell whether the machine was suspended, too.
 *
 * @param skew, @param skewBefore how far it was ahead of the monotonic one, now and then, ms.
 */
export function wasSetBack(skew: number, skewBefore: number): boolean {
  return skew - skewBefore < -SET_BACK_MS
}

/**
 * How Redis' clock lies to this process' monotonic one. Redis stamped its answer at some moment between question and
 * answer, so each exchange bounds the difference from both sides; the quickest one says most, and those of the last
 * seconds are combined: a single answer that lay unread says little by itself.
 */
export class RedisOffset {
  #samples: readonly Sample[] = []

  /**
   * @param asked just before the question. @param received when its answer was read.
   * @param stamp Redis' time in the answer, ms since 1970.
   */
  note(asked: AskedAt, received: AskedAt, stamp: number): OffsetBounds {
    const sample: Sample = {
      at: received.now,
      skew: received.wall - received.now,
      askedSkew: asked.wall - asked.now,
      least: stamp - received.now,
      most: stamp - asked.now,
    }
    const known = this.#samples.filter(({ at }) => sample.at - at <= KEPT_MS).slice(1 - KEPT)
    this.#samples = [...known, sample]
    return boundsAt(this.#samples, sample)
  }
}

type Sample = {
  readonly at: number
  /** How far the machine's clock was ahead of the monotonic one, at the answer and at the question. */
  readonly skew: number
  readonly askedSkew: number
  readonly least: number
  readonly most: number
}

function boundsAt(samples: readonly Sample[], latest: Sample): OffsetBounds {
  // What the machine's clock has gained was a suspension: the monotonic one stood still, and Redis' did not.
  const suspendedSince = ({ askedSkew }: Sample): number => Math.max(0, latest.skew - askedSkew)
  const own = { least: latest.least, most: latest.most + suspendedSince(latest) }
  let { least, most } = own
  for (const sample of samples) {
    const drift = (latest.at - sample.at) * DRIFT
    least = Math.max(least, sample.least - drift)
    if (wasSetBack(latest.skew, sample.askedSkew)) continue
    most = Math.min(most, sample.most + drift + suspendedSince(sample))
  }
  // Redis' clock was set: only what was heard last holds.
  return least > most ? own : { least, most }
}
