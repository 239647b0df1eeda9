import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { Bench, SENDER, TOKEN } from './bench.ts'

const KIN = 'kin'
const RENEWED = 'renewed-token'

let bench: Bench
let endpoint: Server
let url: string
/** Requests under the old token, not answered yet. */
let open: ServerResponse[]
/** Tokens that are refused, the old one from when its requests have been answered so. */
let withdrawn: Set<string>

beforeEach(async () => {
  bench = await Bench.start()
  open = []
  withdrawn = new Set()
  let taken = 0
  endpoint = createServer((request, response) => {
    request.resume()
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    if (withdrawn.has(token)) refuse(response)
    else if (token !== RENEWED) open.push(response)
    else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ messages: [{ id: `wamid.${++taken}`, message_status: 'accepted' }] }))
  })
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`
  const sender = { wabaId: '1', accessTokenEnv: 'TEST_TOKEN', messagesPerSecond: 200, baseUrl: null }
  await writeFile(
    bench.sendersFile,
    JSON.stringify([
      { id: SENDER, phoneNumberId: '106540352242922', ...sender },
      { id: KIN, phoneNumberId: '106540352242923', ...sender },
    ]),
  )
})

afterEach(async () => {
  await bench.stop()
  endpoint.closeAllConnections()
  await new Promise((resolve) => endpoint.close(resolve))
})

function refuse(response: ServerResponse): void {
  response
    .writeHead(401, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: { message: 'expired', type: 'OAuthException', code: 190 } }))
}

const blocks = async (): Promise<string[][]> =>
  await Promise.all([SENDER, KIN].map(async (sender) => [...(await bench.senders.blocks(sender, Date.now())).keys()]))

test('late answers to requests of a token that was renewed block nobody; those to the one in use block all that share it', async () => {
  const id = await bench.createCampaign(300)
  await bench.launch(id)
  const worker = await bench.startWorker({ MM_LITE_BASE_URL: url })
  await expect.poll(() => open.length, { timeout: 15_000 }).toBeGreaterThan(0)
  await writeFile(bench.tokenFile, RENEWED)
  await expect
    .poll(() => worker.lines.filter((line) => line.includes('sender changed')).length, { timeout: 15_000 })
    .toBe(2)

  // The token was withdrawn while these were on their way.
  withdrawn.add(TOKEN)
  for (const response of open) refuse(response)
  expect(await bench.completed(id, 30_000)).toMatchObject({ accepted: 300, pending: 0 })
  expect(await blocks()).toEqual([[], []])
  expect(worker.lines.filter((line) => line.includes('sender blocked'))).toEqual([])

  withdrawn.add(RENEWED)
  const next = await bench.createCampaign(10)
  await bench.launch(next)
  await expect.poll(blocks, { timeout: 15_000 }).toEqual([['code_190'], ['code_190']])
  expect(await bench.until(next, ({ sending }) => (sending ?? 0) === 0)).toMatchObject({ pending: 10 })
}, 60_000)
