/**
 * Which recipients have been seen: phone number (its digits as an integer) -> a small dense number, and how many
 * attempts each has had. About 25 bytes a recipient.
 *
 * A `Map` would cost four times that, and stop everything for half a second when it grows at a million entries; this
 * one is cut into parts that grow on their own, so that the clock of the witness does not stand still.
 */
export class Recipients {
  readonly #parts: Part[] = Array.from({ length: PARTS }, newPart)
  readonly #phones: Float64Array[] = []
  readonly #attempts: Uint16Array[] = []
  #count = 0

  get count(): number {
    return this.#count
  }

  /** The recipient's number, given on first sight. */
  idOf(phone: number): number {
    const hash = hashOf(phone)
    const place = hash & (PARTS - 1)
    const part = this.#parts[place] ?? newPart()
    const slot = find(part, phone, hash)
    if (part.keys[slot] === phone) return part.ids[slot] ?? 0
    const id = this.#append(phone)
    part.keys[slot] = phone
    part.ids[slot] = id
    part.used++
    if (part.used * 3 > part.keys.length * 2) this.#parts[place] = grown(part)
    return id
  }

  /** The number of a recipient that was seen, else `null`. */
  knownId(phone: number): number | null {
    const hash = hashOf(phone)
    const part = this.#parts[hash & (PARTS - 1)]
    if (part === undefined) return null
    const slot = find(part, phone, hash)
    return part.keys[slot] === phone ? (part.ids[slot] ?? null) : null
  }

  phoneOf(id: number): number {
    return this.#phones[Math.floor(id / PAGE)]?.[id % PAGE] ?? 0
  }

  /** The number of this attempt, from 0, and one more for the next. */
  countAttempt(id: number): number {
    const page = this.#attempts[Math.floor(id / PAGE)]
    const attempt = page?.[id % PAGE] ?? 0
    if (page !== undefined) page[id % PAGE] = Math.min(attempt + 1, 0xffff)
    return attempt
  }

  #append(phone: number): number {
    const id = this.#count++
    if (id % PAGE === 0) {
      this.#phones.push(new Float64Array(PAGE))
      this.#attempts.push(new Uint16Array(PAGE))
    }
    const page = this.#phones.at(-1)
    if (page !== undefined) page[id % PAGE] = phone
    return id
  }
}

const PARTS = 256
const PAGE = 16_384
/** No phone number is below zero. */
const FREE = -1

type Part = { readonly keys: Float64Array; readonly ids: Uint32Array; used: number }

function newPart(): Part {
  return partOf(64)
}

function partOf(slots: number): Part {
  return { keys: new Float64Array(slots).fill(FREE), ids: new Uint32Array(slots), used: 0 }
}

/** The slot that holds the phone, or the free one where it would go. Slots are a power of two, never all used. */
function find(part: Part, phone: number, hash: number): number {
  const mask = part.keys.length - 1
  let slot = (hash >>> 8) & mask
  while (part.keys[slot] !== FREE && part.keys[slot] !== phone) slot = (slot + 1) & mask
  return slot
}

function grown(part: Part): Part {
  const bigger = partOf(part.keys.length * 2)
  for (const [index, phone] of part.keys.entries()) {
    if (phone === FREE) continue
    const slot = find(bigger, phone, hashOf(phone))
    bigger.keys[slot] = phone
    bigger.ids[slot] = part.ids[index] ?? 0
  }
  bigger.used = part.used
  return bigger
}

function hashOf(phone: number): number {
  const mixed = Math.imul((phone >>> 0) ^ Math.imul(Math.floor(phone / 2 ** 32), 0x9e3779b1), 0x85ebca6b)
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35) ^ (mixed >>> 13)
}
