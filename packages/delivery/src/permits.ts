/**
 * A sender's permits: as many as it may send messages a second. Each is good for one message at a time and is free again a
 * second after that message left, so no second at all holds more messages than permits, and none of them lies idle for
 * longer than it takes to hear of it: a sliding window log, held by Redis for all processes. Pure, and the model of
 * `packages/store/src/scripts/grant-slots.lua`, which does the same to the microsecond. All times are µs by Redis.
 *
 * A permit is handed out as a slot, a moment from which on it may be used, up to `PERMIT_LATE_US` later. Until the process
 * tells when it was, it counts as used at the last moment possible; so a process that dies costs that time, and no more.
 */
export type Permits = {
  /** How many are free again when: counted by the end of their bucket of `PERMIT_BUCKET_US`. */
  readonly free: Map<number, number>
  size: number
  /** No slot before this: slots that make up for lost time do not leave all at once. */
  next: number
  serial: number
  /** Grants that can still be told of. */
  readonly open: Map<number, OpenGrant>
}

/** When its first and its last permit are free again at the latest (buckets), and the length of a second when it was made. */
type OpenGrant = { readonly firstWorst: number; readonly lastWorst: number; readonly windowUs: number }

export type PermitQuestion = {
  readonly nowUs: number
  readonly wanted: number
  /** Messages a second. */
  readonly limit: number
  /** How far ahead slots may lie, and how far ahead the first must. */
  readonly horizonUs: number
  readonly leadUs: number
  readonly told: readonly ToldGrant[]
}

/** What became of a grant's slots: how far each lay ahead of `nowUs`, and when its message left; `null`: none did. */
export type ToldGrant = {
  readonly serial: number
  readonly nowUs: number
  readonly slots: ReadonlyArray<readonly [aheadUs: number, leftUs: number | null]>
}

export type PermitAnswer =
  | { readonly kind: 'slots'; readonly serial: number; readonly aheadUs: readonly number[] }
  | { readonly kind: 'wait'; readonly waitMs: number }

/** How finely is remembered when permits are free again: rounded up, so it costs half of it on average. */
export const PERMIT_BUCKET_US = 2_000
/**
 * Messages need unequal times to the endpoint: a second there holds what left within a little more. As much as leaves 98 % of
 * the limit to be used, beside what buckets, timers and clocks cost.
 */
export const PERMIT_MARGIN_US = 12_000
/** A slot may be used for so long. */
export const PERMIT_LATE_US = 300_000
/** Slots that make up for lost time lie so many times denser than the limit's. */
const CATCH_UP = 1.5
/**
 * A limit from which on the first second after a rest holds only half of it: connections are opened then, an endpoint is
 * cold, and what waits for it there would come to it all at once.
 */
const SLOW_START = 200
/** Who waits for what others tell asks again after this. */
const HOPE_US = 20_000
/** A permit that is free only after this belongs to a Redis whose clock was set back since. */
const CLOCK_MAX_US = 3_000_000

export function newPermits(): Permits {
  return { free: new Map(), size: 0, next: 0, serial: 0, open: new Map() }
}

/** Hands out slots, after taking in what is told of earlier ones. */
export function grantPermits(permits: Permits, ask: PermitQuestion): PermitAnswer {
  const { nowUs, limit } = ask
  for (const told of ask.told) takeBack(permits, told, nowUs)
  const horizon = nowUs + ask.horizonUs
  // All of these are free by now, whatever is told of them.
  for (const [serial, { lastWorst }] of permits.open)
    if (lastWorst * PERMIT_BUCKET_US <= nowUs) permits.open.delete(serial)

  const size = Math.max(1, Math.floor(limit))
  const windowUs = Math.floor(1_000_000 * Math.max(1, size / limit) + PERMIT_MARGIN_US)
  const begin = nowUs + ask.leadUs
  gatherIdle(permits, nowUs, begin, windowUs)
  if (permits.next > nowUs + CLOCK_MAX_US) permits.next = 0
  resize(permits, size, begin, windowUs)

  let bucket = bucketOf(begin)
  while (!permits.free.has(bucket) && bucket * PERMIT_BUCKET_US <= horizon) bucket += 1
  const earliest = permits.free.has(bucket) ? bucket : Math.min(...permits.free.keys())
  const first = Math.max(permits.next, earliest * PERMIT_BUCKET_US)
  const nearer = nowUs + (horizon - nowUs) / 2
  // In batches of at least half the way ahead: a claim for every single slot would cost four commands a message.
  if (first > nearer) {
    // What others will tell of may make permits free before that: as soon as their slots' second is over.
    const hoped = Math.max(nearer + HOPE_US, permits.next, hopedFor(permits))
    return { kind: 'wait', waitMs: Math.ceil((Math.min(first, hoped) - nearer) / 1_000) }
  }

  const aheadUs: number[] = []
  const worst: number[] = []
  let next = permits.next
  while (aheadUs.length < ask.wanted) {
    const slot = Math.floor(Math.max(next, bucket * PERMIT_BUCKET_US))
    if (slot > horizon) break
    if (permits.free.has(bucket)) {
      add(permits.free, bucket, -1)
      aheadUs.push(slot - nowUs)
      worst.push(bucketOf(slot + PERMIT_LATE_US + windowUs))
      next = slot + windowUs / size / CATCH_UP
    } else {
      bucket += 1
    }
  }
  for (const one of worst) add(permits.free, one, 1)
  permits.next = Math.floor(next)
  permits.serial += 1
  permits.open.set(permits.serial, { firstWorst: worst[0] ?? 0, lastWorst: worst.at(-1) ?? 0, windowUs })
  return { kind: 'slots', serial: permits.serial, aheadUs }
}

/**
 * Told twice, or too late, changes nothing. Permits of one bucket are as good as each other: if some of them were handed out
 * again meanwhile, then for a moment behind the bucket, and what is left of it may come earlier instead.
 */
function takeBack(permits: Permits, told: ToldGrant, nowUs: number): void {
  const grant = permits.open.get(told.serial)
  if (grant === undefined) return
  permits.open.delete(told.serial)
  for (const [aheadUs, leftUs] of told.slots) {
    const worst = bucketOf(told.nowUs + aheadUs + PERMIT_LATE_US + grant.windowUs)
    // Handed out again meanwhile, or taken away for the limit was lowered.
    if (!permits.free.has(worst)) continue
    add(permits.free, worst, -1)
    add(permits.free, bucketOf(leftUs === null ? nowUs : told.nowUs + leftUs + grant.windowUs), 1)
  }
}

/** When the first permit of an open grant is free again, if its message leaves at once and that is told. */
function hopedFor({ open }: Permits): number {
  let hoped = Infinity
  for (const { firstWorst } of open.values()) hoped = Math.min(hoped, firstWorst * PERMIT_BUCKET_US - PERMIT_LATE_US)
  return hoped
}

/** All that are free by then lie in one bucket. */
function gatherIdle({ free }: Permits, nowUs: number, begin: number, windowUs: number): void {
  const bucket = bucketOf(begin)
  const clockMax = nowUs + windowUs + CLOCK_MAX_US
  let idle = 0
  let beyond = 0
  for (const [one, count] of free) {
    if (one <= bucket) idle += count
    else if (one * PERMIT_BUCKET_US > clockMax) beyond += count
    else continue
    free.delete(one)
  }
  add(free, bucket, idle)
  add(free, bucketOf(nowUs + windowUs), beyond)
}

/** As many permits as the limit now in force; where all lay idle, they are to be used evenly, and slowly at first. */
function resize(permits: Permits, size: number, begin: number, windowUs: number): void {
  const { free } = permits
  const bucket = bucketOf(begin)
  if ((free.get(bucket) ?? 0) === permits.size) {
    free.clear()
    // Over two seconds: in the second of them the first ones are used again, between the others.
    spread(free, size, begin, size < SLOW_START ? windowUs : 2 * windowUs)
  } else if (size > permits.size) {
    spread(free, size - permits.size, begin, windowUs)
  } else {
    thin(free, permits.size, size)
  }
  permits.size = size
}

function spread(free: Map<number, number>, count: number, begin: number, windowUs: number): void {
  for (let one = 0; one < count; one++) add(free, bucketOf(begin + (one * windowUs) / count), 1)
}

/** Takes some away, evenly over the time in which they become free. */
function thin(free: Map<number, number>, from: number, to: number): void {
  if (from === to) return
  let seen = 0
  let kept = 0
  for (const bucket of [...free.keys()].toSorted((a, b) => a - b)) {
    seen += free.get(bucket) ?? 0
    const keep = Math.floor((seen * to) / from)
    free.delete(bucket)
    add(free, bucket, keep - kept)
    kept = keep
  }
}

function add(free: Map<number, number>, bucket: number, count: number): void {
  const now = (free.get(bucket) ?? 0) + count
  if (now > 0) free.set(bucket, now)
  else free.delete(bucket)
}

function bucketOf(us: number): number {
  return Math.ceil(us / PERMIT_BUCKET_US)
}
