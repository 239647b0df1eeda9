/**
 * One person, one number: some countries' mobiles are written in two ways, and both reach the same telephone. The
 * shorter way is the key by which recipients are deduplicated and opt-outs are found; messages go to the number as given.
 *
 * - Brazil: mobiles got a ninth digit, a 9 in front (2012-2016); address books and WhatsApp ids keep the old form. Where
 *   the rest begins with 2-5 the short form would be somebody's landline and no mobile ever had it: both stay apart.
 * - Mexico: `52 1 …` was the way to dial a mobile until 2019.
 * - Argentina: `54 9 …` is a mobile dialled from abroad.
 *
 * @param to E.164 without '+'.
 */
export function personKey(to: number): number {
  // The long forms all have 13 digits: everything else is done with here.
  if (to < 5_210_000_000_000 || to >= 5_600_000_000_000) return to
  if (to < 5_220_000_000_000) return to - 5_210_000_000_000 + 520_000_000_000
  if (to >= 5_490_000_000_000 && to < 5_500_000_000_000) return to - 5_490_000_000_000 + 540_000_000_000
  if (to >= 5_510_000_000_000) return withoutNinthDigit(to)
  return to
}

function withoutNinthDigit(to: number): number {
  const subscriber = to % 1_000_000_000
  const eight = subscriber - 900_000_000
  if (eight < 0) return to
  const first = Math.floor(eight / 10_000_000)
  if (first >= 2 && first <= 5) return to
  const area = Math.floor(to / 1_000_000_000)
  return area * 100_000_000 + eight
}
