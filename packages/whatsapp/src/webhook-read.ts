/**
 * Tolerant readers for what Meta sends: each takes one thing out of an unknown value or answers `null`, and none throws.
 * Written by hand and not in zod, because a body is never refused as a whole: an odd field must cost that field only,
 * and this runs for every status of every message.
 */
export type Json = Readonly<Record<string, unknown>>

const NOTHING: Json = Object.freeze(Object.create(null) as Json)
const NO_ITEMS: readonly unknown[] = Object.freeze([])

/** Seconds become milliseconds below this; Meta counts seconds, some providers milliseconds. The year 5138 in seconds. */
const SECONDS_MAX = 100_000_000_000

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object, or an empty one: reading on from a missing part finds nothing. */
export function objectIn(value: unknown): Json {
  return isObject(value) ? value : NOTHING
}

export function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NO_ITEMS
}

/** A text that says something: BSUID users come with an empty `recipient_id`, which is no recipient. */
export function textIn(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** An id or a name, which Meta writes as text in one place and as a number in another. */
export function nameIn(value: unknown): string | null {
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : textIn(value)
}

/** A whole number, also from text: error codes come as `132015` and as `"132015"`. */
export function integerIn(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : null
  if (typeof value !== 'string' || !/^-?[0-9]{1,15}$/.test(value)) return null
  return Number(value)
}

export function numberIn(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

export function booleanIn(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null
}

/** A moment as milliseconds since 1970, from seconds or milliseconds, as text or number. */
export function momentIn(value: unknown): number | null {
  const count = integerIn(value)
  if (count === null || count <= 0) return null
  return count < SECONDS_MAX ? count * 1000 : count
}
