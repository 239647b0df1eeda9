import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultConfig, patchConfig, PLAIN_NUMBER } from './config.ts'
import type { SimulatorConfig } from './config.ts'
import { FACT } from './fact.ts'
import type { Row } from './ledger.ts'
import { buildStatus, planStatuses, statusBody, STATUSES } from './status.ts'
import type { StatusJson } from './status.ts'

const PHONE = 5_511_912_345_678

function configured(webhooks: object = {}, others: object = {}): SimulatorConfig {
  const result = patchConfig(defaultConfig(), { ...others, webhooks })
  if (!result.ok) throw new Error(JSON.stringify(result.issues))
  return result.config
}

function row(change: Partial<Row> = {}): Row {
  return {
    index: 1,
    recipient: 0,
    at: 1_795_000_000_500,
    phone: PHONE,
    phoneNumberId: '106540352242922',
    template: 'bf_2026',
    callbackData: 'v1.chasqui.c1.0.1',
    outcome: 'accepted',
    code: null,
    facts: FACT.sent | FACT.delivered | FACT.read | FACT.marketingLite,
    told: 0,
    ...change,
  }
}

const anyFacts = fc.constantFrom(
  FACT.sent,
  FACT.sent | FACT.delivered,
  FACT.sent | FACT.delivered | FACT.read,
  FACT.sent | FACT.read,
  FACT.failed,
  FACT.sent | FACT.failed,
  FACT.failed | FACT.delivered,
  FACT.held | FACT.sent,
)
const anyPhone = fc.integer({ min: 10_000_000, max: 999_999_999_999_999 })

describe('the plan of a message', () => {
  test('tells each of its facts once, in order, within the configured times', () => {
    const config = configured()
    fc.assert(
      fc.property(anyPhone, anyFacts, (phone, facts) => {
        const { postings, lost } = planStatuses(config, phone, facts)
        const told = postings.map(({ status }) => status)
        expect(lost).toBe(0)
        expect(told).toEqual(told.filter((status, i) => told.indexOf(status) === i))
        expect(told.reduce((sum, status) => sum | (status === 'odd' ? 0 : FACT[status]), 0)).toBe(facts & ~FACT.held)
        expect(postings.map(({ afterMs }) => afterMs)).toEqual(
          postings.map(({ afterMs }) => afterMs).sort((a, b) => a - b),
        )
        const start = (facts & FACT.held) === 0 ? 0 : config.answers.heldForMs
        for (const { afterMs } of postings) expect(afterMs).toBeLessThanOrEqual(start + 50 + 200 + 500)
      }),
    )
  })

  test('posts doubles, loses and shuffles by the share that is asked for', () => {
    const phones = Array.from({ length: 10_000 }, (_, i) => 5_511_900_000_000 + i)
    const all = FACT.sent | FACT.delivered | FACT.read
    const sum = (webhooks: object, of: (plan: ReturnType<typeof planStatuses>) => number): number => {
      const config = configured(webhooks)
      return phones.reduce((total, phone) => total + of(planStatuses(config, phone, all)), 0) / phones.length
    }
    expect(sum({ duplicateShare: 0.2 }, ({ postings }) => postings.length)).toBeCloseTo(3.6, 1)
    expect(sum({ lostShare: 0.1 }, ({ lost }) => lost)).toBeCloseTo(0.3, 1)
    const backwards = sum({ shuffledShare: 1 }, ({ postings }) =>
      (postings[0]?.afterMs ?? 0) > (postings[2]?.afterMs ?? 0) ? 1 : 0,
    )
    expect(backwards).toBeGreaterThan(0.4)
    expect(backwards).toBeLessThan(0.6)
  })
})

describe('a status', () => {
  test('of v24 has pricing and no conversation; of v23 both', () => {
    const { json, tells } = buildStatus(configured({ v23Share: 0 }), 1, row(), 'sent')
    expect(json).toEqual({
      id: expect.stringMatching(/^wamid\./) as string,
      status: 'sent',
      timestamp: '1795000000',
      recipient_id: String(PHONE),
      biz_opaque_callback_data: 'v1.chasqui.c1.0.1',
      pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'marketing_lite' },
    })
    expect(tells).toBe(FACT.sent | FACT.marketingLite)
    const old = buildStatus(configured({ v23Share: 1 }), 1, row(), 'sent').json
    expect(old.conversation).toMatchObject({ expiration_timestamp: '1795086400', origin: { type: 'marketing_lite' } })
  })

  test('has pricing with sent and with one of delivered and read', () => {
    const priced = (facts: number): string[] =>
      STATUSES.filter((status) => buildStatus(configured(), 1, row({ facts }), status).json.pricing !== undefined)
    expect(priced(row().facts)).toEqual(['sent', 'delivered'])
    expect(priced(FACT.sent | FACT.read | FACT.marketingLite)).toEqual(['sent', 'delivered', 'read'])
  })

  test('of a message that fell back says so', () => {
    const { json, tells } = buildStatus(configured(), 1, row({ facts: FACT.sent | FACT.fallback }), 'sent')
    expect(json.pricing).toMatchObject({ category: 'marketing' })
    expect(tells).toBe(FACT.sent | FACT.fallback)
  })

  test('that failed carries its code, as a number or as a string', () => {
    const failed = row({ facts: FACT.failed | FACT.marketingLite, code: 131049 })
    expect(buildStatus(configured(), 1, failed, 'failed').json.errors).toMatchObject([
      { code: 131049, error_data: { details: expect.any(String) as string } },
    ])
    expect(buildStatus(configured({ stringCodeShare: 1 }), 1, failed, 'failed').json.errors).toMatchObject([
      { code: '131049' },
    ])
    expect(buildStatus(configured(), 1, failed, 'failed').tells).toBe(FACT.failed)
  })

  test('tells nothing when it is a word nobody documents', () => {
    const { json, tells } = buildStatus(configured(), 1, row(), 'odd')
    expect(['played', 'deleted', 'warning']).toContain(json.status)
    expect(tells).toBe(0)
  })

  test('leaves out what it is told to leave out', () => {
    const keys = (webhooks: object, others: object = {}): string[] =>
      Object.keys(buildStatus(configured({ v23Share: 0, ...webhooks }, others), 1, row(), 'sent').json)
    const all = ['id', 'status', 'timestamp', 'recipient_id', 'biz_opaque_callback_data', 'pricing']
    const without = (key: string): string[] => all.filter((other) => other !== key)
    expect(keys({})).toEqual(all)
    expect(keys({ withoutRecipientShare: 1 })).toEqual(without('recipient_id'))
    expect(keys({ withoutCallbackDataShare: 1 })).toEqual(without('biz_opaque_callback_data'))
    expect(keys({ withoutPricingShare: 1 })).toEqual(without('pricing'))
    expect(keys({}, { callbackData: 'drop' })).toEqual(without('biz_opaque_callback_data'))
  })
})

test('a body holds every status once, under its own number, whatever the packing', () => {
  const status = (id: number): StatusJson => ({ id: `wamid.${id}`, status: 'sent', timestamp: '1' })
  fc.assert(
    fc.property(
      fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 60 }),
      (sizes, changeMax) => {
        const groups = sizes.map((size, i) => ({
          phoneNumberId: `10000${i}`,
          number: PLAIN_NUMBER,
          statuses: Array.from({ length: size }, (_, j) => status(i * 100 + j)),
        }))
        const body = JSON.parse(statusBody(groups, changeMax)) as {
          entry: { changes: { value: { metadata: { phone_number_id: string }; statuses: StatusJson[] } }[] }[]
        }
        const found = body.entry.flatMap(({ changes }) =>
          changes.flatMap(({ value }) => value.statuses.map(({ id }) => [value.metadata.phone_number_id, id])),
        )
        expect(found).toEqual(
          groups.flatMap(({ phoneNumberId, statuses }) => statuses.map(({ id }) => [phoneNumberId, id])),
        )
      },
    ),
  )
})
