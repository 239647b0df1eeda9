import type { AccountNotice, TemplateNotice } from '@chasqui/store'
import type { AccountEvent, TemplateEvent } from '@chasqui/whatsapp'

/** What follows from an event about a template or an account. */
export type Notice = ({ readonly kind: 'template' } & TemplateNotice) | ({ readonly kind: 'account' } & AccountNotice)

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
const TEMPLATE_RESUMES: ReadonlySet<string> = new Set(['APPROVED', 'REINSTATED'])

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

function ofTemplate({ template, change }: TemplateEvent, wabaId: string, at: number): Notice | null {
  const { name, language } = template
  if (change.kind !== 'status' || name === null || language === null) return null
  const stops = TEMPLATE_STOPS.has(change.status)
  if (!stops && !TEMPLATE_RESUMES.has(change.status)) return null
  return { kind: 'template', wabaId, name, language, word: stops ? 'stop' : 'resume', at }
}

function ofAccount({ change }: AccountEvent, wabaId: string, at: number): Notice | null {
  if (change.kind !== 'update') return null
  const disabled = { kind: 'account', wabaId, reason: 'account_disabled', at, until: null } as const
  if (change.banState === 'DISABLE' || ACCOUNT_STOPS.has(change.event)) return { ...disabled, word: 'stop' }
  if (change.banState === 'REINSTATE' || change.event === 'ACCOUNT_RECONNECTED') return { ...disabled, word: 'resume' }
  const restriction = change.restrictions.find(({ type }) => type === RESTRICTION)
  if (restriction === undefined) return null
  return { kind: 'account', wabaId, reason: 'account_restricted', word: 'stop', at, until: restriction.until }
}
