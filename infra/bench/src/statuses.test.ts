import { decodeCallbackData } from '@chasqui/delivery'
import { decodeWebhook } from '@chasqui/whatsapp'
import { expect, test } from 'vitest'
import { countEvents, LIFE, statusBodies } from './statuses.ts'

const CAMPAIGNS = [
  { id: 'first', recipients: 100 },
  { id: 'second', recipients: 57 },
]

/** Every event of the bodies as `campaign ordinal status`, read by the real decoder. */
function read(eventsPerBody: number): string[] {
  const bodies = [...statusBodies({ environment: 'bench', campaigns: CAMPAIGNS, eventsPerBody, seed: 1 })]
  return bodies.flatMap((body) => {
    const decoded = decodeWebhook(body)
    if (decoded.kind !== 'events') throw new Error(decoded.reason)
    return decoded.events.map((event) => {
      if (event.kind !== 'status') throw new Error(event.kind)
      const data = decodeCallbackData(event.callbackData ?? '')
      return `${data?.environment} ${data?.campaignId} ${data?.ordinal} ${event.status}`
    })
  })
}

const ALL = CAMPAIGNS.flatMap(({ id, recipients }) =>
  Array.from({ length: recipients }, (_, ordinal) => LIFE.map((status) => `bench ${id} ${ordinal} ${status}`)).flat(),
)

test.each([1, 10])('tells every fact of every recipient once, %i a body, out of order', (eventsPerBody) => {
  const events = read(eventsPerBody)
  expect(events).not.toEqual(ALL)
  expect(events.toSorted()).toEqual(ALL.toSorted())
  expect(events).toHaveLength(countEvents(CAMPAIGNS))
})
