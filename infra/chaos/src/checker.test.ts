import { encodeCallbackData, FACT, ledgerByte, STATE } from '@chasqui/delivery'
import { expect, test } from 'vitest'

import { judge } from './checker.ts'
import type { Evidence } from './checker.ts'
import type { Post } from './witness.ts'

const PEOPLE = ['+551160000000', '+551160000001']
const accepted = ledgerByte(STATE.accepted, 1)

function post(ordinal: number, change: Partial<Post> = {}): Post {
  const callbackData = encodeCallbackData({ environment: 'chaos', campaignId: 'c', ordinal, attempt: 1 })
  const to = PEOPLE[ordinal] ?? null
  return { at: 1_000, to, callbackData, outcome: 'accepted', code: null, processed: true, told: ['sent'], ...change }
}

/** Two people, sent to and told of; `change` is what went wrong. */
function evidence(change: Partial<Evidence> = {}): Evidence {
  return {
    onUnknown: 'keep',
    notAfter: null,
    states: Uint8Array.of(accepted, accepted),
    facts: Uint8Array.of(FACT.sent, FACT.sent),
    counts: { recipients: 2, accepted: 2, 'delivery:sent': 2 },
    people: PEOPLE,
    posts: [post(0), post(1)],
    witnessDelayMs: 0,
    ...change,
  }
}

test('finds nothing where nothing is wrong', () => {
  expect(judge(evidence())).toEqual({
    violations: [],
    figures: { recipients: 2, accepted: 2, unknown: 0, twice: 0, lost: 0, late: 0 },
  })
})

test('takes no request for late that the witness itself may have kept waiting', () => {
  expect(judge(evidence({ notAfter: 990, witnessDelayMs: 10 })).violations).toEqual([])
})

test.each<[string, Partial<Evidence>, RegExp]>([
  ['a second message', { posts: [post(0), post(1), post(1)] }, /sent to twice/],
  ['a message nobody got', { posts: [post(0)] }, /accepted, but the endpoint has no message/],
  ['a counter that is off', { counts: { recipients: 2, accepted: 1, 'delivery:sent': 2 } }, /accepted says 1/],
  ['a fact that was not told', { facts: Uint8Array.of(FACT.sent | FACT.read, FACT.sent) }, /facts are not/],
  ['a recipient too few', { people: [...PEOPLE, '+551160000002'] }, /2 recipients of 3/],
  ['a request to somebody else', { posts: [post(0), post(1, { to: '+551169999999' })] }, /names nobody/],
  ['a request too late', { notAfter: 999 }, /after the last safe moment, by up to 1.0 ms/],
  ['a request later than the witness is', { notAfter: 989, witnessDelayMs: 10 }, /by up to 11.0 ms/],
  [
    'a message to somebody who counts as rejected',
    {
      states: Uint8Array.of(accepted, ledgerByte(STATE.rejected, 1)),
      counts: { recipients: 2, accepted: 1, rejected: 1, 'delivery:sent': 2 },
    },
    /sent to, but in state/,
  ],
  [
    'somebody unknown of whom a webhook told',
    {
      states: Uint8Array.of(accepted, ledgerByte(STATE.unknown, 1)),
      counts: { recipients: 2, accepted: 1, unknown: 1, 'delivery:sent': 2 },
    },
    /unknown, although a webhook told/,
  ],
  [
    'somebody still on the way',
    {
      states: Uint8Array.of(accepted, ledgerByte(STATE.pending, 0)),
      facts: Uint8Array.of(FACT.sent),
      counts: { recipients: 2, accepted: 1, pending: 1, 'delivery:sent': 1 },
      posts: [post(0)],
    },
    /still pending/,
  ],
])('finds %s', (_what, change, found) => {
  expect(judge(evidence(change)).violations.join('\n')).toMatch(found)
})

test('an answer that was lost, of a message no webhook told of, is unknown and no contradiction', () => {
  const lost = judge(
    evidence({
      states: Uint8Array.of(accepted, ledgerByte(STATE.unknown, 1)),
      facts: Uint8Array.of(FACT.sent),
      counts: { recipients: 2, accepted: 1, unknown: 1, 'delivery:sent': 1 },
      posts: [post(0), post(1, { outcome: 'reset', told: [] })],
    }),
  )
  expect(lost).toMatchObject({ violations: [], figures: { unknown: 1, lost: 0 } })
})
