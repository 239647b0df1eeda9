import { expect, test } from 'vitest'
import { defaultConfig, patchConfig } from './config.ts'
import type { SimulatorConfig } from './config.ts'
import { Endpoint } from './endpoint.ts'
import type { Handled } from './endpoint.ts'
import { GRAPH_CODES, graphErrorBody, httpOf } from './graph-error.ts'
import { Ledger } from './ledger.ts'
import { LOST_KINDS } from './lost.ts'
import type { Incoming } from './request.ts'

const NUMBER = '106540352242922'

type Bench = {
  readonly ledger: Ledger
  readonly endpoint: Endpoint
  readonly change: (patch: object) => void
  readonly send: (phone: number, at?: number, change?: object) => Handled
}

function bench(...patches: readonly object[]): Bench {
  const ledger = new Ledger(1_000)
  let config: SimulatorConfig = defaultConfig()
  const endpoint = new Endpoint(() => config, ledger)
  const change = (patch: object): void => {
    const result = patchConfig(config, patch)
    if (!result.ok) throw new Error(JSON.stringify(result.issues))
    config = result.config
  }
  for (const patch of patches) change(patch)
  return {
    ledger,
    endpoint,
    change,
    send: (phone, at = 0, changed = {}) => endpoint.receive(request(phone, changed), at),
  }
}

function request(phone: number, change: object = {}): Incoming {
  const body = {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: `+${phone}`,
    type: 'template',
    template: { name: 'bf_2026', language: { code: 'pt_BR' } },
    biz_opaque_callback_data: `v1.chasqui.c1.${phone}.1`,
    ...change,
  }
  return {
    method: 'POST',
    url: `/v25.0/${NUMBER}/marketing_messages`,
    authorization: 'Bearer simulator-token',
    contentType: 'application/json',
    body: JSON.stringify(body),
  }
}

const ANA = 5_511_912_345_678

function codeOf(handled: Handled): number | string {
  return handled.error?.code ?? handled.outcome
}

test('a well-formed request is accepted and written down', () => {
  const { send, ledger } = bench()
  expect(send(ANA, 12.5)).toMatchObject({ request: 0, outcome: 'accepted', error: null })
  expect(ledger.read(0)).toMatchObject({
    phone: ANA,
    at: 12.5,
    outcome: 'accepted',
    template: 'bf_2026',
    callbackData: `v1.chasqui.c1.${ANA}.1`,
  })
})

test.each<[string, object, number]>([
  ['an expired token', { tokensExpired: true }, 190],
  ['a changed token', { tokens: ['another'] }, 190],
  ['an unknown number', { otherNumbers: null }, 33],
  ['a number in maintenance', { numbers: { [NUMBER]: { maintenance: true } } }, 131057],
  ['a blocked number', { numbers: { [NUMBER]: { blockedBy: 368 } } }, 368],
  ['a paused template', { templates: { bf_2026: { state: 'paused' } } }, 132015],
  ['a disabled template', { templates: { bf_2026: { state: 'disabled' } } }, 132016],
  ['a template that is syncing', { templates: { bf_2026: { state: 'syncing' } } }, 134101],
  ['a missing template', { templates: { bf_2026: { state: 'missing' } } }, 132001],
  ['a wrong number of parameters', { templates: { bf_2026: { bodyParameters: 2 } } }, 132000],
  ['refused callback data', { callbackData: 'refuse' }, 100],
  ['an outage with a Graph answer', { outage: 'graph_131016' }, 131016],
])('%s is refused, and the refusal written down; then it heals', (_, patch, code) => {
  const { send, ledger, change, endpoint } = bench(patch)
  expect(codeOf(send(ANA))).toBe(code)
  expect(ledger.read(0)).toMatchObject({ outcome: 'refused', code, facts: 0, phone: ANA })
  change({
    ...defaultConfig(),
    numbers: { [NUMBER]: { maintenance: false, blockedBy: null } },
    templates: { bf_2026: { state: 'approved', bodyParameters: null } },
  })
  expect(codeOf(endpoint.receive(request(ANA), 1))).toBe('accepted')
})

test('STRICT is refused where the terms are not signed; otherwise the message falls back', () => {
  const { send, ledger } = bench({ numbers: { [NUMBER]: { onboarded: false } } })
  expect(codeOf(send(ANA, 0, { product_policy: 'STRICT' }))).toBe(134102)
  expect(codeOf(send(ANA, 1))).toBe('accepted')
  expect(ledger.read(1).facts & 64).toBe(64)
})

test('the limit of a number is its own, and a refused request does not use it up', () => {
  const { send, change } = bench({ numbers: { [NUMBER]: { perSecond: 2 } } })
  expect([0, 1, 2, 999].map((at) => codeOf(send(ANA + at, at)))).toEqual(['accepted', 'accepted', 130429, 130429])
  expect(codeOf(send(ANA, 1_000))).toBe('accepted')
  change({ numbers: { [NUMBER]: { perSecond: 3 } } })
  expect([1_000, 1_000].map((at) => codeOf(send(ANA, at)))).toEqual(['accepted', 130429])
})

test('a refusal for the rate is no attempt: the fate of the recipient waits for it', () => {
  const { send, endpoint } = bench({ numbers: { [NUMBER]: { perSecond: 1 } } })
  endpoint.scripted.set(ANA, { answers: [131016, 'accepted'], facts: ['sent'], failedCode: 131026 })
  expect([0, 1, 2, 1_000].map((at) => codeOf(send(ANA, at)))).toEqual([131016, 130429, 130429, 'accepted'])
})

test('too many messages to one recipient meet the pair limit', () => {
  const { send } = bench({ pairLimit: { everyMs: 6_000, burst: 2 } })
  expect([0, 1, 2].map((at) => codeOf(send(ANA, at)))).toEqual(['accepted', 'accepted', 131056])
  expect(codeOf(send(ANA + 1, 3))).toBe('accepted')
})

test('who stopped marketing messages is sent to and then fails with 131050', () => {
  const { endpoint, send, ledger } = bench()
  endpoint.stopped.add(ANA)
  expect(codeOf(send(ANA))).toBe('accepted')
  expect(ledger.read(0)).toMatchObject({ code: 131050 })
})

test.each(LOST_KINDS)('a scripted %s is in the ledger as what it was', (lost) => {
  const { endpoint, send, ledger } = bench()
  endpoint.scripted.set(ANA, { answers: [lost], facts: ['sent'], failedCode: 131026 })
  const handled = send(ANA)
  expect(ledger.read(0).outcome).toBe(lost)
  expect(handled.plan === null).toBe(lost.endsWith('_unprocessed'))
  expect(ledger.read(0).facts === 0).toBe(lost.endsWith('_unprocessed'))
})

test('an outage that swallows messages takes the share that it is told', () => {
  const { send, ledger } = bench({ outage: 'reset', outageProcessedShare: 0.5, otherNumbers: { perSecond: 1_000 } })
  for (let i = 0; i < 400; i++) send(ANA + i, i)
  const outcomes = Array.from({ length: 400 }, (_, i) => ledger.read(i).outcome)
  expect(new Set(outcomes)).toEqual(new Set(['reset', 'reset_unprocessed']))
  expect(outcomes.filter((outcome) => outcome === 'reset').length).toBeGreaterThan(150)
  expect(outcomes.filter((outcome) => outcome === 'reset').length).toBeLessThan(250)
})

test('a full ledger refuses with code 2: nothing happens that is not written down', () => {
  const ledger = new Ledger(1)
  const endpoint = new Endpoint(defaultConfig, ledger)
  endpoint.receive(request(ANA), 0)
  expect(endpoint.receive(request(ANA + 1), 1)).toMatchObject({ request: -1, error: { code: 2 }, plan: null })
})

test('every code has the HTTP status of the tables in its class', () => {
  const five = Object.keys(GRAPH_CODES).filter((code) => httpOf(Number(code)) >= 500)
  expect(five).toEqual(['2', '3', '131000', '131016', '131045', '131057', '133000', '133004', '134102', '2494100'])
  expect([190, 104, 0, 102].map(httpOf)).toEqual([401, 401, 401, 401])
  expect([httpOf(130429), httpOf(132001), httpOf(368)]).toEqual([400, 404, 403])
})

test('a Graph error has the shape of the real one', () => {
  expect(JSON.parse(graphErrorBody({ code: 130429 }, 'A1'))).toEqual({
    error: {
      message: '(#130429) Rate limit hit',
      type: 'OAuthException',
      code: 130429,
      error_data: { messaging_product: 'whatsapp', details: 'Cloud API message throughput has been reached.' },
      error_subcode: 2494055,
      fbtrace_id: 'A1',
    },
  })
})
