import { spawnApp, startRedisCluster } from '@chasqui/harness'
import type { PrivateRedisCluster } from '@chasqui/harness'
import { durabilityWarnings, recount } from '@chasqui/store'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { until } from '../src/rest.ts'
import { people, PREFIX, SENDER, Stage } from '../src/stage.ts'

/** Another sender, whose queue and pace lie on other nodes. */
const OTHER = { id: 'other', phoneNumberId: '106540352242923', messagesPerSecond: 200 }
const PEOPLE = people(1_200)

let cluster: PrivateRedisCluster
let stage: Stage

beforeAll(async () => {
  cluster = await startRedisCluster()
  stage = await Stage.set({
    seed: 7,
    cluster,
    messagesPerSecond: 300,
    moreSenders: [OTHER],
    workers: 2,
    simulator: { webhooks: { batchMax: 20 } },
  })
})

afterAll(async () => {
  await stage.clear()
})

async function ended(campaign: string): Promise<void> {
  await until(
    'the end of a campaign',
    30_000,
    async () => await stage.status(campaign),
    (status) => status === 'completed',
  )
}

/** What the status-worker's exporter tells Prometheus. */
async function exported(campaign: string, disposition: string, wanted: number): Promise<number> {
  const lines = stage.statusWorkers[0]?.lines ?? []
  const { metricsPort } = JSON.parse(lines.find((line) => line.includes('"msg":"ready"')) ?? '{}') as {
    metricsPort: number
  }
  return await until(
    'the exported number',
    15_000,
    async () => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
      const found = text
        .split('\n')
        .find(
          (line) =>
            line.startsWith('chasqui_campaign_recipients{') &&
            line.includes(campaign) &&
            line.includes(`"${disposition}"`),
        )
      return Number(found?.split(' ').at(-1))
    },
    (number) => number === wanted,
  )
}

/** The exit code of telling the campaign's numbers again from the webhook log. */
async function retold(campaign: string): Promise<number | null> {
  const app = spawnApp({
    name: 'status-worker',
    args: ['replay', '--verify', campaign],
    env: { REDIS_URL: cluster.url, REDIS_PREFIX: PREFIX },
  })
  const { code } = await app.exited
  if (code !== 0) console.error(app.lines.join('\n'))
  return code
}

test('on a Redis Cluster campaigns are taken in, sent, scheduled and told of, and a node may restart meanwhile', async () => {
  await stage.upstream.suppress(PEOPLE.slice(0, 20))
  const first = await stage.upstream.run('cluster-first', PEOPLE, { sender: SENDER, onUnknown: 'keep' })
  const second = await stage.upstream.run('cluster-second', people(300, 5_000), { sender: OTHER.id, onUnknown: 'keep' })
  await until(
    'the first messages',
    15_000,
    async () => (await stage.counts(first))['accepted'] ?? 0,
    (accepted) => accepted > 100,
  )
  for (const node of cluster.nodes) await node.restart()
  await cluster.formed()
  const startAt = new Date(Date.now() + 1_000).toISOString()
  const later = await stage.upstream.prepare('cluster-later', people(100, 9_000), {
    sender: OTHER.id,
    onUnknown: 'keep',
    schedule: { startAt },
  })
  await stage.upstream.order(later, 'launch')

  for (const campaign of [first, second, later]) await ended(campaign)
  await stage.witness.webhooksTaken(15_000)

  const expected = { [first]: 1_180, [second]: 300, [later]: 100 }
  for (const [campaign, handedOver] of Object.entries(expected)) {
    const { recipients, told } = await stage.witness.summary(campaign)
    expect(recipients).toMatchObject({ seen: handedOver, doubled: 0, surplus: 0 })
    const counts = await until(
      'all statuses folded',
      15_000,
      async () => await stage.counts(campaign),
      (now) => now['delivery:delivered'] === told['delivered'] && now['delivery:read'] === told['read'],
    )
    expect(counts).toMatchObject({ 'delivery:sent': told['sent'] })
    expect(await recount(stage.client, stage.keys, campaign)).toEqual([])
  }
  expect(await exported(first, 'accepted', 1_180)).toBe(1_180)
  expect(await retold(first)).toBe(0)
  expect(await stage.counts(first)).toMatchObject({ recipients: 1_200, suppressed: 20, pending: 0, sending: 0 })
}, 60_000)

test('each node of a Redis Cluster is asked whether it keeps what it acknowledges', async () => {
  expect(await durabilityWarnings(stage.client)).toEqual([])
  const { client } = stage
  if (client instanceof Redis) throw new Error('this is no cluster')
  const node = client.nodes('master').find(({ options }) => options.port === cluster.nodes[1]?.port)
  await node?.config('SET', 'appendfsync', 'everysec')
  expect(await durabilityWarnings(client)).toEqual([
    expect.stringMatching(`^the Redis node 127.0.0.1:${cluster.nodes[1]?.port} has appendfsync everysec: a power cut`),
  ])
})
