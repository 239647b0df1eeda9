import { mayWait } from '@chasqui/store'
import type { Match, MessageIds, WaitingStatus } from '@chasqui/store'
import { bodyOfEvent } from '@chasqui/whatsapp'

import { lessonFor, noteFlow } from './lessons.ts'
import type { Batch, MatchedStatus, NamelessStatus, Unmatched } from './lessons.ts'

/**
 * Statuses that tell by their message's id alone whom they are about. What nobody knows yet waits in Redis, for the answer of
 * the send may be on its way; `joiner.ts` joins it.
 */
export class Nameless {
  readonly #ids: Pick<MessageIds, 'match'>

  constructor(ids: Pick<MessageIds, 'match'>) {
    this.#ids = ids
  }

  /** Whose they are, by campaign, and what has no room to wait. */
  async place(batch: Batch): Promise<{ matched: Map<string, MatchedStatus[]>; unmatched: Unmatched[] }> {
    const matched = new Map<string, MatchedStatus[]>()
    const unmatched: Unmatched[] = []
    for (const [sender, statuses] of Map.groupBy(batch.nameless, (status) => status.sender)) {
      const waiting = statuses.map(({ messageId, event }) => ({ messageId, body: bodyOfEvent(event) }))
      const small = waiting.filter((status): status is WaitingStatus => status.body !== null && mayWait(status.body))
      const matches = await this.#ids.match(sender, small)
      const byStatus = new Map<object, Match | undefined>(small.map((status, index) => [status, matches[index]]))
      for (const [index, status] of statuses.entries()) {
        const body = waiting[index]
        if (body !== undefined) settle(status, byStatus.get(body) ?? { kind: 'full' }, body.body)
      }
    }
    return { matched, unmatched }

    function settle({ event }: NamelessStatus, match: Match, body: string | null): void {
      if (match.kind === 'full') unmatched.push({ reason: 'unknown_message', body })
      if (match.kind !== 'found') return
      noteFlow(event, batch)
      addTo(matched, match.place.campaign, lessonFor(match.place, event))
    }
  }
}

function addTo<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [value])
  else known.push(value)
}
