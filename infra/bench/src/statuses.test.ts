import { decodeCallbackData } from '@chasqui/delivery'
import { decodeWebhook } from '@chasqui/whatsapp'
import { expect, test } from 'vitest'
import { countEvents, LIFE, statusBodies } from './statuses.ts'

const CAMPAIGNS = [
  { id: 'first', ordinals: Array.from({ length: 100 }, (_, ordinal) => ordinal) },
  // A hole at 1, as a duplicate leaves it.
  { id: 'second', ordinals: [0, 2, 3, 500] },
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

const ALL = CAMPAIGNS.flatMap(({ id, ordinals }) =>
  ordinals.flatMap((ordinal) => LIFE.map((status) => `bench ${id} ${ordinal} ${status}`)),
)

test.each([1, 10])('tells every fact of every recipient once, %i a body, out of order', (eventsPerBody) => {
  const events = read(eventsPerBody)
  expect(events).not.toEqual(ALL)
  expect(events.toSorted()).toEqual(ALL.toSorted())
  expect(events).toHaveLength(countEvents(CAMPAIGNS))
})
