/** Timers and sockets need some ms on any machine; the network's unevenness has to find room in what is not needed, ms. */
const LEAST_MS = 8
/** A process that is later than this loses slots rather than make all go slower, ms. */
const MOST_MS = 150
const KEPT = 256
/** What was longer ago says nothing of a machine that is busy at times, ms. */
const KEPT_MS = 10_000
/** A process that has sent little so far is taken to be on time: so many messages that were are added. */
const TRUSTED = 50

/** How late this process is: a busy machine, a slow Redis or a pause of the garbage collector make messages leave after their slot. */
export class Lateness {
  readonly #recent = new Float64Array(KEPT)
  readonly #at = new Float64Array(KEPT).fill(-Infinity)
  #told = 0

  /** A message left, or wanted to leave, this long after its slot, ms. `at`: monotonic ms. */
  note(ms: number, at: number): void {
    const place = this.#told % KEPT
    this.#recent[place] = ms
    this.#at[place] = at
    this.#told += 1
  }

  /** How late messages should be allowed to leave, ms. `now`: monotonic ms. */
  wish(now: number): number {
    const known = this.#recent.filter((_ms, place) => (this.#at[place] ?? 0) >= now - KEPT_MS)
    return bestLateness(known.toSorted())
  }
}

/**
 * What uses most of a limit: room for lateness thins the slots out, but without it a slot is lost to each message that is
 * later.
 *
 * @param sorted how late the last messages were, ms. @returns ms, as whole ones.
 */
function bestLateness(sorted: Float64Array): number {
  const usedWith = (late: number, onTime: number): number =>
    (TRUSTED + onTime) / (TRUSTED + sorted.length) / (1 + late / 1_000)
  let best = LEAST_MS
  let most = usedWith(LEAST_MS, sorted.filter((ms) => ms <= LEAST_MS).length)
  for (const [index, ms] of sorted.entries()) {
    if (ms <= LEAST_MS) continue
    if (ms > MOST_MS) break
    const late = Math.ceil(ms)
    const used = usedWith(late, index + 1)
    if (used <= most) continue
    most = used
    best = late
  }
  return best
}
