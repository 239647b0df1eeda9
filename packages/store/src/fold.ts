import { attemptBits, NO_COUNTRY } from '@chasqui/delivery'
import type { FoldReport, Lesson, Way } from '@chasqui/delivery'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const FOLD = loadScript('fold-facts')

/** Lessons a call: at 500 the script runs for 1 to 2 ms. `unpack` in Lua ends near 8,000 values, four a lesson. */
export const FOLD_LESSONS_MAX = 500

const BYTES_A_LESSON = 14
const UINT32_MAX = 0xffff_ffff

/** What a fold did, and whose campaign it is; `missing`: there is no campaign of that id. */
export type FoldReply =
  | ({ readonly kind: 'folded'; readonly sender: string } & FoldReport)
  | { readonly kind: 'missing' }

/**
 * Fold lessons into a campaign's ledger in one step; safe to repeat.
 *
 * @param lessons at most {@link FOLD_LESSONS_MAX}, each recipient once (`mergeLessons` of delivery sees to that).
 * @param way how their recipients are known; what it settles is counted by it.
 */
export async function foldFacts(
  client: RedisClient,
  keys: Keys,
  campaign: string,
  lessons: readonly Lesson[],
  way: Way = 'callback_data',
): Promise<FoldReply> {
  const { counts, states, facts, retries, unknowns } = keys
  const names = [
    keys.campaign(campaign),
    counts(campaign),
    states(campaign),
    facts(campaign),
    retries(campaign),
    unknowns(campaign),
    keys.lapses(campaign),
    keys.prices(campaign),
    keys.proofs(campaign),
  ]
  const reply = (await FOLD.run(client, names, [packLessons(lessons), way])) as
    | ['missing']
    | ['folded', number, number, number, string, string, ...number[]]
  if (reply[0] === 'missing') return { kind: 'missing' }
  const [kind, lifted, late, completed, sender, failed, ...refused] = reply
  return { kind, sender, lifted, late, completed: completed === 1, refused, failed: parseFailures(failed) }
}

/** The reverse of 'code count code count …'. */
function parseFailures(text: string): ReadonlyMap<number, number> {
  const failures = new Map<number, number>()
  const numbers = text === '' ? [] : text.split(' ').map(Number)
  for (let at = 0; at + 1 < numbers.length; at += 2) failures.set(numbers[at] ?? 0, numbers[at + 1] ?? 0)
  return failures
}

/** The one argument of fold-facts.lua: one string parses far faster than two thousand. */
function packLessons(lessons: readonly Lesson[]): Buffer {
  if (lessons.length > FOLD_LESSONS_MAX)
    throw new RangeError(`at most ${FOLD_LESSONS_MAX} lessons a fold, got ${lessons.length}`)
  const packed = Buffer.allocUnsafe(lessons.length * BYTES_A_LESSON)
  let at = 0
  for (const lesson of lessons) {
    const { ordinal, facts, errorCode, country = NO_COUNTRY, prices = 0 } = lesson
    packed.writeUInt32LE(ordinal, at)
    packed[at + 4] = facts
    packed.writeUInt32LE(errorCode >= 0 && errorCode <= UINT32_MAX ? errorCode : 0, at + 5)
    packed.writeUInt16LE(attemptBits(lesson), at + 9)
    packed.writeUInt16LE(country.charCodeAt(0) * 256 + country.charCodeAt(1), at + 11)
    packed[at + 13] = prices
    at += BYTES_A_LESSON
  }
  return packed
}
