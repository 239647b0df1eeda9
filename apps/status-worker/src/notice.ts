import type { AccountNotice, NumberNotice, TemplateNotice } from '@chasqui/store'
import type { AccountEvent, TemplateEvent } from '@chasqui/whatsapp'

/** What follows from an event about a template or an account. */
export type Notice =
  | ({ readonly kind: 'template' } & TemplateNotice)
  | ({ readonly kind: 'account' } & AccountNotice)
  | ({ readonly kind: 'number' } & NumberNotice)

/** Messages a second after a throughput upgrade: Meta names the event and not the rate, and knows but these two, 80 and it. */
const UPGRADED_THROUGHPUT = 1_000
/** A messaging limit: people a day as a number, or Meta's word for it (`TIER_10K`, `TIER_UNLIMITED`). */
const MESSAGING_LIMIT = /^[A-Z0-9_]{1,32}$/

/** Template states in which a send is refused; `FLAGGED`, `IN_APPEAL` and `PENDING` say nothing about that. */
const TEMPLATE_STOPS: ReadonlySet<string> = new Set([
  'PAUSED',
  'DISABLED',
  'REJECTED',
  'LOCKED',
  'ARCHIVED',
  'DELETED',
  'PENDING_DELETION',
])
const TEMPLATE_RESUMES: ReadonlySet<string> = new Set(['APPROVED', 'REINSTATED', 'UNPAUSED'])

const RESTRICTION = 'RESTRICTED_BIZ_INITIATED_MESSAGING'
const ACCOUNT_STOPS: ReadonlySet<string> = new Set(['ACCOUNT_DELETED', 'ACCOUNT_OFFBOARDED'])

/**
 * What an event says about sending; `null` when it says nothing about that, or does not name its account or template.
 *
 * @param at when it happened, ms.
 */
export function noticeOf(event: TemplateEvent | AccountEvent, at: number): Notice | null {
  const { wabaId } = event.origin
  if (wabaId === null) return null
  return event.kind === 'template' ? ofTemplate(event, wabaId, at) : ofAccount(event, wabaId, at)
}

/** A notice for the log: what follows, and for whom. The display number stays out, as every number does. */
export function describeNotice(notice: Notice): Readonly<Record<string, unknown>> {
  const { kind: about, wabaId, at } = notice
  const told = { about, waba: wabaId, at: new Date(at).toISOString() }
  switch (notice.kind) {
    case 'template':
      return { ...told, template: notice.name, language: notice.language, aspect: notice.aspect, word: notice.word }
    case 'account':
      return { ...told, reason: notice.reason, word: notice.word }
    case 'number':
      return { ...told, messagesPerSecond: notice.throughput, messagingLimit: notice.messagingLimit }
  }
}

function ofTemplate({ template, change }: TemplateEvent, wabaId: string, at: number): Notice | null {
  const { name, language } = template
  const said = wordAbout(change)
  return said === null || name === null || language === null
    ? null
    : { kind: 'template', wabaId, name, language, ...said, at }
}

function wordAbout(change: TemplateEvent['change']): Pick<TemplateNotice, 'aspect' | 'word'> | null {
  switch (change.kind) {
    case 'status':
      if (TEMPLATE_STOPS.has(change.status)) return { aspect: 'status', word: 'stop' }
      return TEMPLATE_RESUMES.has(change.status) ? { aspect: 'status', word: 'resume' } : null
    case 'category':
      // `correct` announces what comes a day later; MM Lite takes no other category than this one.
      if (change.correct !== null || change.to === null) return null
      return { aspect: 'category', word: change.to === 'MARKETING' ? 'resume' : 'stop' }
    case 'quality':
      // Red is what Meta pauses for, and the third time disables for good; unknown is what a new template is.
      if (change.to === 'RED') return { aspect: 'quality', word: 'stop' }
      return change.to === 'GREEN' || change.to === 'YELLOW' ? { aspect: 'quality', word: 'resume' } : null
    case 'edited':
      return null
  }
}

function ofAccount({ change }: AccountEvent, wabaId: string, at: number): Notice | null {
  switch (change.kind) {
    case 'update':
      return ofUpdate(change, wabaId, at)
    case 'number':
      return ofNumber(change, wabaId, at)
    case 'capability': {
      const messagingLimit = limitIn(change.conversationsPerDay)
      const nothing = { displayPhoneNumber: null, throughput: null }
      return messagingLimit === null ? null : { kind: 'number', wabaId, ...nothing, messagingLimit, at }
    }
    case 'alert':
    case 'review':
    case 'security':
      return null
  }
}

type ChangeOf<K> = AccountEvent['change'] & { readonly kind: K }

function ofNumber({ event, displayPhoneNumber, limit }: ChangeOf<'number'>, wabaId: string, at: number): Notice | null {
  const throughput = event === 'THROUGHPUT_UPGRADE' ? UPGRADED_THROUGHPUT : null
  const messagingLimit = limitIn(limit)
  if (displayPhoneNumber === null || (throughput === null && messagingLimit === null)) return null
  return { kind: 'number', wabaId, displayPhoneNumber, throughput, messagingLimit, at }
}

function limitIn(limit: string | null): string | null {
  return limit !== null && MESSAGING_LIMIT.test(limit) ? limit : null
}

function ofUpdate(change: ChangeOf<'update'>, wabaId: string, at: number): Notice | null {
  const disabled = { kind: 'account', wabaId, reason: 'account_disabled', at, until: null } as const
  if (change.banState === 'DISABLE' || ACCOUNT_STOPS.has(change.event)) return { ...disabled, word: 'stop' }
  if (change.banState === 'REINSTATE' || change.event === 'ACCOUNT_RECONNECTED') return { ...disabled, word: 'resume' }
  const restriction = change.restrictions.find(({ type }) => type === RESTRICTION)
  if (restriction === undefined) return null
  return { kind: 'account', wabaId, reason: 'account_restricted', word: 'stop', at, until: restriction.until }
}
