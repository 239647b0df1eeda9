import { expect, test } from 'vitest'

import { createSendMetrics } from './metrics.ts'

test('messages are counted by sender and outcome, however often they are scraped', async () => {
  const { registry, countMessage } = createSendMetrics()
  const told = async (): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith('chasqui_messages_total{'))
  countMessage('a', 'accepted')
  countMessage('a', 'accepted')
  countMessage('a', 'rejected')
  expect(await told()).toEqual([
    'chasqui_messages_total{sender="a",outcome="accepted"} 2',
    'chasqui_messages_total{sender="a",outcome="rejected"} 1',
  ])
  expect(await told()).toHaveLength(2)
  countMessage('a', 'accepted')
  countMessage('b', 'accepted')
  expect(await told()).toEqual([
    'chasqui_messages_total{sender="a",outcome="accepted"} 3',
    'chasqui_messages_total{sender="a",outcome="rejected"} 1',
    'chasqui_messages_total{sender="b",outcome="accepted"} 1',
  ])
})
