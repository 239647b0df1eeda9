import { decodeWebhook } from '@chasqui/whatsapp'
import { describe, expect, test } from 'vitest'

import { noticeOf } from './notice.ts'
import type { Notice } from './notice.ts'

const AT = 1_800_000_000_000

function heard(field: string, value: unknown, wabaId: string | null = '7'): Notice | null {
  const decoded = decodeWebhook(JSON.stringify({ entry: [{ id: wabaId, changes: [{ field, value }] }] }))
  const event = decoded.kind === 'events' ? decoded.events[0] : undefined
  if (event?.kind !== 'template' && event?.kind !== 'account') throw new Error('neither template nor account')
  return noticeOf(event, AT)
}

describe('a template’s state', () => {
  const template = (event: string, more: object = {}): unknown => ({
    event,
    message_template_id: 1,
    message_template_name: 'sale',
    message_template_language: 'pt-BR',
    ...more,
  })

  test.each([
    ['PAUSED', 'stop'],
    ['paused', 'stop'],
    ['DISABLED', 'stop'],
    ['REJECTED', 'stop'],
    ['LOCKED', 'stop'],
    ['ARCHIVED', 'stop'],
    ['DELETED', 'stop'],
    ['PENDING_DELETION', 'stop'],
    ['APPROVED', 'resume'],
    ['REINSTATED', 'resume'],
    ['FLAGGED', null],
    ['IN_APPEAL', null],
    ['PENDING', null],
    ['OF_TOMORROW', null],
  ])('%s: %s', (event, word) => {
    const notice = { kind: 'template', wabaId: '7', name: 'sale', language: 'pt_BR', aspect: 'status', word, at: AT }
    expect(heard('message_template_status_update', template(event))).toEqual(word === null ? null : notice)
  })

  const about = { message_template_name: 'sale', message_template_language: 'pt_BR' }

  test.each([
    ['to marketing', { previous_category: 'UTILITY', new_category: 'MARKETING' }, 'resume'],
    ['to anything else', { previous_category: 'MARKETING', new_category: 'UTILITY' }, 'stop'],
    ['announced for tomorrow', { new_category: 'MARKETING', correct_category: 'UTILITY' }, null],
    ['to nothing', { previous_category: 'MARKETING', new_category: null }, null],
  ])('its category changes %s', (_name, change, word) => {
    const notice = heard('template_category_update', { ...about, ...change })
    expect(notice).toEqual(
      word === null
        ? null
        : { kind: 'template', wabaId: '7', name: 'sale', language: 'pt_BR', aspect: 'category', word, at: AT },
    )
  })

  test.each([
    ['RED', 'stop'],
    ['YELLOW', 'resume'],
    ['green', 'resume'],
    ['UNKNOWN', null],
  ])('its quality is %s now: %s', (score, word) => {
    const notice = heard('message_template_status_update', { ...about, new_quality_score: score })
    expect(notice).toEqual(
      word === null
        ? null
        : { kind: 'template', wabaId: '7', name: 'sale', language: 'pt_BR', aspect: 'quality', word, at: AT },
    )
  })

  test('without account, name or language leads to nothing', () => {
    const paused = template('PAUSED')
    expect(heard('message_template_status_update', paused, null)).toBeNull()
    expect(heard('message_template_status_update', template('PAUSED', { message_template_name: undefined }))).toBeNull()
    expect(heard('message_template_status_update', template('PAUSED', { message_template_language: '' }))).toBeNull()
  })
})

describe('an account’s', () => {
  const restricted = (type: string, expiration?: number): unknown => ({
    event: 'ACCOUNT_RESTRICTION',
    restriction_info: [
      { restriction_type: 'RESTRICTED_CUSTOMER_INITIATED_MESSAGING' },
      { restriction_type: type, expiration },
    ],
  })

  test.each([
    ['ban', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE' } }, 'account_disabled', 'stop', null],
    [
      'end of a ban',
      { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } },
      'account_disabled',
      'resume',
      null,
    ],
    ['deletion', { event: 'ACCOUNT_DELETED' }, 'account_disabled', 'stop', null],
    ['offboarding', { event: 'ACCOUNT_OFFBOARDED' }, 'account_disabled', 'stop', null],
    ['return', { event: 'ACCOUNT_RECONNECTED' }, 'account_disabled', 'resume', null],
    [
      'restriction',
      restricted('RESTRICTED_BIZ_INITIATED_MESSAGING', 1_800_086_400),
      'account_restricted',
      'stop',
      1_800_086_400_000,
    ],
    ['restriction without end', restricted('RESTRICTED_BIZ_INITIATED_MESSAGING'), 'account_restricted', 'stop', null],
  ])('%s', (_name, value, reason, word, until) => {
    expect(heard('account_update', value)).toEqual({ kind: 'account', wabaId: '7', reason, word, at: AT, until })
  })

  test.each([
    [
      'announced ban',
      'account_update',
      { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'SCHEDULE_FOR_DISABLE' } },
    ],
    ['restriction of something else', 'account_update', restricted('RESTRICTED_ADD_PHONE_NUMBER_ACTION')],
    ['signed terms', 'account_update', { event: 'MM_LITE_TERMS_SIGNED' }],
    ['alert', 'account_alerts', { alert_info: { alert_type: 'X' } }],
  ])('%s leads to nothing', (_name, field, value) => {
    expect(heard(field, value)).toBeNull()
  })
})

describe('a number’s limits', () => {
  const number = { kind: 'number', wabaId: '7', displayPhoneNumber: '15550783881', throughput: null, at: AT }
  const told = (more: object): unknown => ({ display_phone_number: '15550783881', ...more })

  test.each([
    ['an upgrade', told({ event: 'THROUGHPUT_UPGRADE' }), { ...number, throughput: 1_000, messagingLimit: null }],
    [
      'an upgrade as Meta shows it',
      told({ event: 'THROUGHPUT_UPGRADE', current_limit: 'TIER_UNLIMITED' }),
      { ...number, throughput: 1_000, messagingLimit: 'TIER_UNLIMITED' },
    ],
    [
      'its newer name',
      told({ event: 'ONBOARDING', max_daily_conversations_per_business: 'tier_10k' }),
      { ...number, messagingLimit: 'TIER_10K' },
    ],
    ['a warning', told({ event: 'FLAGGED' }), null],
    ['no number', { event: 'THROUGHPUT_UPGRADE' }, null],
    ['a limit that is none', told({ event: 'X', current_limit: 'no "limit"' }), null],
  ])('%s', (_name, value, expected) => {
    expect(heard('phone_number_quality_update', value)).toEqual(expected)
  })

  test('of the whole account', () => {
    expect(heard('business_capability_update', { max_daily_conversations_per_business: 2_000 })).toEqual({
      ...number,
      displayPhoneNumber: null,
      messagingLimit: '2000',
    })
    expect(heard('business_capability_update', { max_phone_numbers_per_waba: 25 })).toBeNull()
  })
})
