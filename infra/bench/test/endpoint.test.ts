import { readAnswer } from '@chasqui/whatsapp'
import { Pool } from 'undici'
import { afterEach, expect, test } from 'vitest'
import { type Endpoint, startEndpoint } from '../src/endpoint/control.ts'
import { MESSAGES_PATH } from '../src/message.ts'

let endpoint: Endpoint | null = null
afterEach(async () => endpoint?.stop())

test('counts every message of many connections and gives each an id of its own', async () => {
  endpoint = await startEndpoint()
  const pool = new Pool(endpoint.url, { connections: 8, pipelining: 1 })
  const bodies = Array.from({ length: 500 }, (_, index) => JSON.stringify({ to: 'x'.repeat(index) }))
  const outcomes = await Promise.all(
    bodies.map(async (body) => {
      const answer = await pool.request({ path: MESSAGES_PATH, method: 'POST', body })
      return readAnswer(answer.statusCode, answer.headers, await answer.body.text())
    }),
  )
  await pool.close()
  const ids = outcomes.map((outcome) => (outcome.kind === 'accepted' ? outcome.messageId : outcome.kind))
  expect(new Set(ids).size).toBe(500)
  expect(ids.every((id) => id.startsWith('wamid.'))).toBe(true)
  expect((await endpoint.read()).count).toBe(500)
})

test('answers no sooner than its latency', async () => {
  endpoint = await startEndpoint(60)
  const pool = new Pool(endpoint.url)
  const startedAt = performance.now()
  const answer = await pool.request({ path: MESSAGES_PATH, method: 'POST', body: '{}' })
  await answer.body.dump()
  await pool.close()
  // Timers of two processes round to whole milliseconds.
  expect(performance.now() - startedAt).toBeGreaterThan(58)
})
