import { expect, test } from 'vitest'

import { watchEnd } from './quiet-end.ts'
import type { EndView, Sighting } from './quiet-end.ts'

const WINDOW = 120_000
const SEEN: Sighting = { at: 1_000_000, accepted: 40, webhooksUntil: 990_000 }
/** A window later nothing has changed. */
const LATER: EndView = {
  at: SEEN.at + WINDOW,
  accepted: 40,
  webhooksUntil: 995_000,
  nothingOpen: true,
  steadyForMs: WINDOW,
}

test('a window after all was told, attempts from before what had been told by then were not taken', () => {
  expect(watchEnd(SEEN, LATER, WINDOW)).toEqual({ kind: 'through', until: SEEN.webhooksUntil })
})

test.each<[string, Sighting | null, Partial<EndView>, string]>([
  ['nothing was seen yet', null, {}, 'anew'],
  ['the window is not over', SEEN, { at: LATER.at - 1 }, 'keep'],
  ['somebody was accepted since, also by a late status', SEEN, { accepted: 41 }, 'anew'],
  ['somebody is on the way', SEEN, { nothingOpen: false }, 'anew'],
  ['webhooks were not taken all the time', SEEN, { steadyForMs: WINDOW - 1 }, 'anew'],
  ['nobody was accepted at all, so nobody could be told of', { ...SEEN, accepted: 0 }, { accepted: 0 }, 'anew'],
])('nothing is concluded when %s', (_when, seen, now, kind) => {
  expect(watchEnd(seen, { ...LATER, ...now }, WINDOW)).toEqual({ kind })
})
