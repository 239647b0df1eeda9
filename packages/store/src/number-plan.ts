/**
 * Linear hashing of telephone numbers over buckets: the arithmetic of `scripts/includes/number-set.lua`, which a
 * differential test holds together. Lehmer's generator over the Mersenne prime 2^31 - 1: every product stays below 2^53.
 */
const PRIME = 2_147_483_647
const PRIME_BITS = 2_147_483_648
const FACTOR = 48_271

/**
 * Numbers a bucket on average. Buckets that are still to be split in a round hold up to twice as many, and one of those
 * must not pass 512, where Redis turns a packed array into a hash table (400 + 5 standard deviations).
 */
const MEAN_LOAD = 200

/** Buckets a script may add at once: each costs a few hundred moves. */
const GROWTH_MAX = 24

/** Where `number` lies when there are `buckets` of them. */
export function bucketOf(number: number, buckets: number): number {
  const level = levelOf(buckets)
  const hash = hashOf(number)
  const bucket = hash % (level * 2)
  return bucket >= buckets ? bucket - level : bucket
}

/**
 * Numbers sorted by this stand bucket by bucket, however many buckets there are or will be: a bucket is the low bits of
 * a number's hash, so here they count most. Below 2^31.
 */
export function storagePlaceOf(number: number): number {
  let bits = hashOf(number)
  bits = ((bits >>> 1) & 0x55555555) | ((bits & 0x55555555) << 1)
  bits = ((bits >>> 2) & 0x33333333) | ((bits & 0x33333333) << 2)
  bits = ((bits >>> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4)
  bits = ((bits >>> 8) & 0x00ff00ff) | ((bits & 0x00ff00ff) << 8)
  return ((bits >>> 16) | (bits << 16)) >>> 1
}

function hashOf(number: number): number {
  return modPrime(modPrime(number) * FACTOR)
}

/** `number % PRIME`, below 2^53: what is above the 31 bits of a Mersenne prime counts again as it stands. Division takes ten times as long. */
function modPrime(number: number): number {
  const high = Math.floor(number / PRIME_BITS)
  const sum = number - high * PRIME_BITS + high
  return sum >= PRIME ? sum - PRIME : sum
}

/** The largest power of two that is no more than `buckets`. */
export function levelOf(buckets: number): number {
  return 2 ** (31 - Math.clz32(buckets))
}

/** How many buckets to have for `count` numbers when there are `buckets` now; an empty set (0) may begin with any number. */
export function bucketsWanted(count: number, buckets: number): number {
  const wanted = Math.max(1, Math.ceil(count / MEAN_LOAD))
  return buckets === 0 ? wanted : Math.min(Math.max(wanted, buckets), buckets + GROWTH_MAX)
}

/** The bucket that is split to make bucket `added`. */
export function splitSource(added: number): number {
  return added - levelOf(added)
}

export type NumberPlan = {
  /** Buckets that the numbers fall into, each once. */
  readonly buckets: readonly number[]
  /** For each number two bytes, big end first: its place in `buckets`, from 1. */
  readonly slots: Buffer
}

export function planNumbers(numbers: readonly number[], buckets: number): NumberPlan {
  const places = new Map<number, number>()
  const used: number[] = []
  const slots = Buffer.allocUnsafe(numbers.length * 2)
  for (let index = 0; index < numbers.length; index++) {
    const bucket = bucketOf(numbers[index] ?? 0, buckets)
    let place = places.get(bucket)
    if (place === undefined) {
      place = used.push(bucket)
      places.set(bucket, place)
    }
    slots[index * 2] = place >> 8
    slots[index * 2 + 1] = place & 255
  }
  return { buckets: used, slots }
}

export type RunPlan = {
  /** The bucket of each run. */
  readonly buckets: readonly number[]
  /** For each run two bytes, big end first: how many numbers stand in it. */
  readonly lengths: Buffer
}

/** Numbers in their order, as runs of those that fall into one bucket. */
export function planRuns(numbers: ArrayLike<number>, buckets: number): RunPlan {
  const used: number[] = []
  const lengths = Buffer.allocUnsafe(numbers.length * 2)
  let length = 0
  for (let index = 0; index < numbers.length; index++) {
    const bucket = bucketOf(numbers[index] ?? 0, buckets)
    if (index === 0 || bucket !== used.at(-1)) {
      used.push(bucket)
      length = 0
    }
    length += 1
    lengths.writeUInt16BE(length, used.length * 2 - 2)
  }
  return { buckets: used, lengths: lengths.subarray(0, used.length * 2) }
}
