import { FACT, PRICE } from '@chasqui/delivery'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { body, messages, NOTICE_SAMPLES, STATUS_SAMPLES, statusBody } from '../test/webhook-samples.ts'
import { bodyOfEvent, decodeWebhook } from './webhook-decode.ts'
import type { WebhookEvent } from './webhook-event.ts'

function eventsOf(sample: unknown): readonly WebhookEvent[] {
  const decoded = decodeWebhook(JSON.stringify(sample))
  if (decoded.kind !== 'events') throw new Error(`undecodable: ${decoded.reason}`)
  return decoded.events
}

function onlyEvent(sample: unknown): WebhookEvent {
  const [event, ...more] = eventsOf(sample)
  if (event === undefined || more.length > 0) throw new Error('expected exactly one event')
  return event
}

const LITE = FACT.routeMarketingLite

describe('statuses', () => {
  const EXPECTED: Record<keyof typeof STATUS_SAMPLES, readonly [status: string, facts: number, errorCode: number]> = {
    sentWithConversation: ['sent', FACT.sent | LITE, 0],
    sentWithoutConversation: ['sent', FACT.sent | LITE, 0],
    sentFellBackToCloudApi: ['sent', FACT.sent | FACT.routeMarketing, 0],
    sentWithoutPricing: ['sent', FACT.sent, 0],
    sentMinimal: ['sent', FACT.sent | LITE, 0],
    deliveredWithMaxPriceCost: ['delivered', FACT.delivered | LITE, 0],
    deliveredToUsername: ['delivered', FACT.delivered, 0],
    readWithoutDelivered: ['read', FACT.read, 0],
    played: ['played', FACT.read, 0],
    deleted: ['deleted', 0, 0],
    ofTomorrow: ['other', 0, 0],
    failedIntegerCode: ['failed', FACT.failed, 131_049],
    failedStringCode: ['failed', FACT.failed, 132_015],
    failedWithoutErrors: ['failed', FACT.failed, 0],
    failedWithOddErrors: ['failed', FACT.failed, 131_026],
    failedWithoutFieldAndObject: ['failed', FACT.failed, 132_015],
    failedWithInternalData: ['failed', FACT.failed, 131_047],
    gupshupPassthrough: ['other', 0, 0],
  }

  test.each(Object.entries(EXPECTED))('%s', (name, [status, facts, errorCode]) => {
    expect(onlyEvent(STATUS_SAMPLES[name as keyof typeof EXPECTED])).toMatchObject({
      kind: 'status',
      status,
      facts,
      errorCode,
    })
  })

  test('seconds as text, seconds as number and milliseconds are one moment', () => {
    const moments = ['1750030073', 1_750_030_073, 1_750_030_073_000].map((timestamp) =>
      onlyEvent(statusBody({ status: 'sent', timestamp })),
    )
    expect(moments.map((event) => event.kind === 'status' && event.at)).toEqual(Array(3).fill(1_750_030_073_000))
  })

  test('what is missing is null', () => {
    expect(onlyEvent(STATUS_SAMPLES.sentMinimal)).toMatchObject({
      at: null,
      recipient: null,
      callbackData: null,
      origin: { phoneNumberId: null },
    })
    expect(onlyEvent(STATUS_SAMPLES.deliveredToUsername)).toMatchObject({ recipient: null })
  })

  test.each([
    ['regular marketing is nothing unusual', { billable: true, type: 'regular', category: 'marketing_lite' }, 0],
    ['neither word of its price', { pricing_model: 'PMP', category: 'marketing' }, 0],
    ['without `billable`, as announced', { type: 'regular', category: 'marketing' }, 0],
    ['an entry point', { billable: true, type: 'free_entry_point', category: 'marketing_lite' }, PRICE.free],
    ['a service window', { type: 'free_customer_service', category: 'utility' }, PRICE.free | PRICE.utility],
    ['not billable', { billable: false, type: 'regular', category: 'marketing_lite' }, PRICE.free],
    ['the hyphen of pricing', { category: 'authentication-international' }, PRICE.authenticationInternational],
    ['a category of tomorrow', { type: 'regular', category: 'marketing_plus' }, PRICE.other],
    ['no pricing', undefined, 0],
  ])('a price: %s', (_name, pricing, prices) => {
    expect(onlyEvent(statusBody({ status: 'delivered', pricing }))).toMatchObject({ prices })
    // A word that teaches nothing teaches no price either.
    expect(onlyEvent(statusBody({ status: 'deleted', pricing }))).toMatchObject({ prices: 0 })
  })

  test('callback data, cost and origin are carried', () => {
    expect(onlyEvent(statusBody({ status: 'sent', biz_opaque_callback_data: 'v1.x' }))).toMatchObject({
      callbackData: 'v1.x',
      origin: { wabaId: '102200000000001', phoneNumberId: '106500000000001', field: 'messages', at: 1_750_000_000_000 },
    })
    expect(onlyEvent(STATUS_SAMPLES.deliveredWithMaxPriceCost)).toMatchObject({
      pricing: { cost: { amount: 0.035, currency: 'USD' } },
    })
  })
})

describe('everything else', () => {
  const EXPECTED: Record<keyof typeof NOTICE_SAMPLES, object> = {
    preferenceStop: { kind: 'preference', value: 'stop', waId: '16505550100', userId: 'US.1', at: 1_731_705_721_000 },
    preferenceResume: { kind: 'preference', value: 'resume', category: 'marketing_messages' },
    preferenceSignup: { kind: 'preference', value: 'other', waId: null },
    button: { kind: 'reply', type: 'button', answers: 'wamid.campaign', content: 'STOP', from: '16505550100' },
    unsupportedMessage: { kind: 'reply', type: 'unsupported', content: null },
    systemMessage: { kind: 'reply', type: 'system' },
    linkClick: { kind: 'click', action: 'link_click', component: 'cta', clickId: 'click', productId: 'sku' },
    landingPageView: { kind: 'click', action: 'landing_page_view', clickId: null },
    unknownAction: { kind: 'click', action: 'other' },
    valueErrors: { kind: 'endpoint_error', code: 130_429, title: 'Rate limit hit' },
    templatePaused: {
      kind: 'template',
      template: { id: '1689000000000001', name: 'spring_sale', language: 'en_US' },
      change: { kind: 'status', status: 'PAUSED', title: 'FIRST_PAUSE', reason: 'NONE' },
    },
    templateApproved: { kind: 'template', change: { kind: 'status', status: 'APPROVED', title: null, reason: null } },
    templateQualityUnderWrongField: { kind: 'template', change: { kind: 'quality', from: 'GREEN', to: 'YELLOW' } },
    templateCategoryPending: {
      kind: 'template',
      change: { kind: 'category', from: null, to: 'UTILITY', correct: 'MARKETING', at: 1_746_169_200_000 },
    },
    templateCategoryDone: {
      kind: 'template',
      change: { kind: 'category', from: 'UTILITY', to: 'MARKETING', correct: null, at: null },
    },
    templateEdited: { kind: 'template', change: { kind: 'edited' } },
    throughputUpgrade: {
      kind: 'account',
      change: {
        kind: 'number',
        event: 'THROUGHPUT_UPGRADE',
        displayPhoneNumber: '15550000001',
        limit: 'TIER_UNLIMITED',
      },
    },
    capability: { kind: 'account', change: { kind: 'capability', conversationsPerDay: '2000' } },
    accountRestricted: {
      kind: 'account',
      change: {
        kind: 'update',
        event: 'ACCOUNT_RESTRICTION',
        restrictions: [{ type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', until: 1_750_500_000_000 }],
        banState: null,
      },
    },
    accountDisabled: {
      kind: 'account',
      change: { kind: 'update', event: 'DISABLED_UPDATE', restrictions: [], banState: 'DISABLE' },
    },
    accountAlert: {
      kind: 'account',
      change: { kind: 'alert', type: 'SOMETHING', severity: 'WARNING', status: 'ACTIVE' },
    },
    accountReview: { kind: 'account', change: { kind: 'review', decision: 'APPROVED' } },
    security: { kind: 'account', change: { kind: 'security', event: 'PIN_RESET_REQUEST' } },
    automaticEvents: { kind: 'other', origin: { field: 'automatic_events' } },
    trackingEvents: { kind: 'other', origin: { field: 'tracking_events' } },
    fieldOfTomorrow: { kind: 'other', origin: { field: 'carrier_pigeon_update' } },
  }

  test.each(Object.entries(EXPECTED))('%s', (name, expected) => {
    expect(onlyEvent(NOTICE_SAMPLES[name as keyof typeof EXPECTED])).toMatchObject(expected)
  })
})

describe('bodies with many parts', () => {
  const sent = { id: 'w', status: 'sent' }

  test('many entries, changes and statuses, and statuses beside messages, keep their order', () => {
    const many = {
      entry: [
        {
          id: '1',
          changes: [
            messages({
              statuses: [sent, { ...sent, status: 'read' }],
              messages: [{ type: 'text', text: { body: 'hi' } }],
            }),
          ],
        },
        {
          id: '2',
          changes: [
            messages({ statuses: [{ ...sent, status: 'failed' }] }),
            { field: 'security', value: { event: 'x' } },
          ],
        },
      ],
    }
    const told = eventsOf(many).map((event) => [
      event.origin.wabaId,
      event.kind === 'status' ? event.status : event.kind,
    ])
    expect(told).toEqual([
      ['1', 'sent'],
      ['1', 'read'],
      ['1', 'reply'],
      ['2', 'failed'],
      ['2', 'account'],
    ])
  })

  test('a part that cannot be read costs only itself', () => {
    const odd = {
      entry: [
        null,
        5,
        { id: '1' },
        { changes: [null, { value: [] }, messages({ statuses: [null, { id: 'w' }, sent] })] },
      ],
    }
    const told = eventsOf(odd).map((event) => (event.kind === 'unreadable' ? event.part : event.kind))
    expect(told).toEqual(['entry', 'entry', 'entry', 'change', 'change', 'status', 'status', 'status'])
    expect(eventsOf(odd).at(-1)).toMatchObject({ kind: 'status', status: 'sent' })
  })

  test('a body without entries holds nothing', () => {
    expect(decodeWebhook('{"object":"whatsapp_business_account","entry":[]}')).toEqual({ kind: 'events', events: [] })
  })
})

describe('what is no webhook', () => {
  test.each(['', '{', 'null', '5', '"x"', '[]', '{}', '{"entry":{}}', '{"entry":null}'])('%j', (text) => {
    const reason = text === '' || text === '{' ? 'invalid_json' : 'unknown_envelope'
    expect(decodeWebhook(text)).toEqual({ kind: 'undecodable', reason })
  })

  test('nothing makes it throw', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((value) =>
        JSON.stringify({
          entry: [{ changes: [{ value }, { value: { statuses: [value], messages: [value], errors: value } }] }],
        }),
      ),
      fc
        .jsonValue()
        .map((value) =>
          JSON.stringify(
            statusBody({ status: 'failed', errors: value, pricing: value, timestamp: value, __proto__: value }),
          ),
        ),
    )
    fc.assert(
      fc.property(hostile, (text) => {
        expect(['events', 'undecodable']).toContain(decodeWebhook(text).kind)
      }),
      { numRuns: 2_000 },
    )
  })

  test('names of prototypes and deep nesting are data like any other', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const [event] = ((): readonly WebhookEvent[] => {
      const decoded = decodeWebhook(
        `{"entry":[{"changes":[{"value":{"statuses":[{"status":"sent","__proto__":{"id":"x"},"more":${deep}}]}}]}]}`,
      )
      return decoded.kind === 'events' ? decoded.events : []
    })()
    expect(event).toMatchObject({ kind: 'status', status: 'sent', messageId: null })
    // Whether so deep a value can be written again depends on the version of V8; that it does not throw must not.
    expect(() => event?.kind === 'status' && bodyOfEvent(event)).not.toThrow()
  })
})

test('a dead letter is a body that yields the same event again', () => {
  const odd = {
    entry: [5, { id: '7', changes: [null] }, { id: '8', changes: [messages({ statuses: [{ id: 'x' }] })] }],
  }
  for (const sample of [...Object.values(STATUS_SAMPLES), odd, body(messages({ statuses: [null] }))]) {
    for (const event of eventsOf(sample)) {
      if (event.kind !== 'status' && event.kind !== 'unreadable') throw new Error('not a dead letter')
      const [again] = eventsOf(JSON.parse(bodyOfEvent(event) ?? 'null'))
      // The moment of the envelope is not kept: nothing that is counted depends on it.
      expect({ ...again, origin: { ...again?.origin, at: null } }).toEqual({
        ...event,
        origin: { ...event.origin, at: null },
      })
    }
  }
})
