/** The next number of a seeded sequence, evenly in [0, 1). */
export type Random = () => number

/**
 * Marsaglia's xorshift128 (JSS 2003), seeded by splitmix32 so that neighbouring seeds give unrelated sequences. Fast
 * enough to make millions of recipients while they are uploaded; not for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  const split = (): number => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return mixed ^ (mixed >>> 15)
  }
  let [x, y, z, w] = [split(), split(), split(), split() | 1]
  return () => {
    const t = x ^ (x << 11)
    x = y
    y = z
    z = w
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8)
    return (w >>> 0) / 2 ** 32
  }
}

/** A whole number in [0, below). */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}
