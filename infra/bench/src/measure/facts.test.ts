import { FACT, ledgerByte, STATE } from '@chasqui/delivery'
import { expect, test } from 'vitest'
import { acceptedOrdinals, countFolded } from './facts.ts'

test('acceptedOrdinals passes over holes and whatever was not accepted', () => {
  const states = [
    ledgerByte(STATE.accepted, 1),
    STATE.absent,
    ledgerByte(STATE.rejected, 1),
    ledgerByte(STATE.accepted, 2),
  ]
  expect(acceptedOrdinals(Uint8Array.from(states))).toEqual([0, 3])
})

test('countFolded counts events, not what they imply, and not the route', () => {
  const facts = [
    0,
    FACT.read,
    FACT.sent | FACT.delivered | FACT.routeMarketingLite,
    FACT.sent | FACT.delivered | FACT.read,
  ]
  expect(countFolded(Uint8Array.from(facts))).toBe(6)
})
