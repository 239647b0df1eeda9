import { mayWait } from '@chasqui/store'
import type { Match, MessageIds, WaitingStatus } from '@chasqui/store'
import { bodyOfEvent } from '@chasqui/whatsapp'

import { lessonFor } from './lessons.ts'
import type { MatchedStatus, NamelessStatus, Unmatched } from './lessons.ts'

/** Statuses by campaign, and those that have no room to wait. */
export type Placed = { readonly matched: Map<string, MatchedStatus[]>; readonly unmatched: Unmatched[] }

/**
 * Statuses that tell by their message's id alone whom they are about. What nobody knows yet waits in Redis, for the answer of
 * the send may be on its way; `joiner.ts` joins it.
 *
 * They do not tell how far webhooks flow (`Batch.flow`): a recipient whose answer was lost has no id that a status could settle,
 * so however well webhooks flow, silence about them says nothing, and they must not be sent to again for it.
 */
export class Nameless {
  readonly #ids: Pick<MessageIds, 'find' | 'match'>

  constructor(ids: Pick<MessageIds, 'find' | 'match'>) {
    this.#ids = ids
  }

  async place(nameless: readonly NamelessStatus[]): Promise<Placed> {
    const placed: Placed = { matched: new Map(), unmatched: [] }
    for (const [sender, statuses] of Map.groupBy(nameless, (status) => status.sender)) {
      // Nearly all are known: only the others are written down again, to wait.
      const places = await this.#ids.find(sender, idsOf(statuses))
      const unknown: NamelessStatus[] = []
      for (const [index, status] of statuses.entries()) {
        const place = places[index] ?? null
        if (place === null) unknown.push(status)
        else settle(placed, status, { kind: 'found', place })
      }
      await this.#park(sender, unknown, placed)
    }
    return placed
  }

  async #park(sender: string, statuses: readonly NamelessStatus[], placed: Placed): Promise<void> {
    const small: { readonly status: NamelessStatus; readonly waiting: WaitingStatus }[] = []
    for (const status of statuses) {
      const body = bodyOfEvent(status.event)
      if (body !== null && mayWait(body)) small.push({ status, waiting: { messageId: status.messageId, body } })
      else settle(placed, status, { kind: 'full' })
    }
    const matches = await this.#ids.match(
      sender,
      small.map(({ waiting }) => waiting),
    )
    for (const [index, { status }] of small.entries()) settle(placed, status, matches[index] ?? { kind: 'full' })
  }
}

function settle({ matched, unmatched }: Placed, { event }: NamelessStatus, match: Match): void {
  if (match.kind === 'full') unmatched.push({ reason: 'unknown_message', body: bodyOfEvent(event) })
  if (match.kind !== 'found') return
  const { campaign } = match.place
  const status = lessonFor(match.place, event)
  const known = matched.get(campaign)
  if (known === undefined) matched.set(campaign, [status])
  else known.push(status)
}

function idsOf(statuses: readonly NamelessStatus[]): string[] {
  return statuses.map(({ messageId }) => messageId)
}
