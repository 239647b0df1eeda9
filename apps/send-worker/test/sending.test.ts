import { ERROR_TABLE } from '@chasqui/delivery'
import { Departures, mostInSecond, spawnApp } from '@chasqui/harness'
import { TemplateStandings } from '@chasqui/store'
import { SenderFailures } from '@chasqui/store'
import { afterEach, describe, expect, test, vi } from 'vitest'

import { Bench, phoneOf, SENDER, TOKEN } from './bench.ts'
import type { BenchOptions } from './bench.ts'

let bench: Bench
async function start(options: BenchOptions = {}): Promise<void> {
  bench = await Bench.start(options)
}
afterEach(async () => {
  await bench.stop()
})

describe('a campaign', () => {
  test('ends with the numbers of the endpoint: accepted, rejected by code, unknown for each lost answer', async () => {
    await start({
      simulator: {
        answers: {
          rejectedShare: 0.05,
          rejectedCodes: [131021, 132012],
          stumbleShare: 0.01,
          lostShare: 0.02,
          lostKinds: ['reset', 'reset_unprocessed', 'unreadable', 'bare_5xx'],
        },
      },
    })
    const id = await bench.createCampaign(2_000)
    await bench.launch(id)
    await Promise.all([bench.startWorker(), bench.startWorker()])
    const counts = await bench.completed(id)
    const { recipients } = await bench.witness(id)
    expect(counts).toMatchObject({ recipients: 2_000, pending: 0, sending: 0, ...recipients.implied })
    expect(recipients.implied.unknown).toBeGreaterThan(5)
    expect(recipients.doubled).toBe(0)
    for (const [code, times] of Object.entries(recipients.rejectedByCode)) expect(counts[`error:${code}`]).toBe(times)
    const senderFailures = new SenderFailures(bench.client, bench.keys)
    await vi.waitFor(async () => {
      const failures = await senderFailures.read(SENDER, Date.now(), 2)
      const refused = Object.fromEntries(failures.map((failure) => [failure.code, failure.refused]))
      for (const code of ['131021', '132012']) expect(refused[code]).toBe(recipients.rejectedByCode[code])
    }, 5_000)
    expect(await bench.miscounts(id)).toEqual([])
  })

  test('never exceeds the limit of its sender, and uses it', async () => {
    // The endpoint itself would take more: what is too much must be seen, not refused.
    await start()
    await bench.configureSender({ messagesPerSecond: 200 })
    await using written = await Departures.begin()
    const id = await bench.createCampaign(800)
    await bench.launch(id)
    await Promise.all(Array.from({ length: 3 }, async () => await bench.startWorker(written.env)))
    await bench.completed(id)
    const times = (await written.read()).map(({ at }) => at)
    expect(times).toHaveLength(800)
    expect(mostInSecond(times)).toBeLessThanOrEqual(200)
    // How much of it is used in the long run is a benchmark's question; here, that some second is all but full.
    expect(mostInSecond(times)).toBeGreaterThan(180)
  })

  test('does not send to people who opted out, whatever was queued', async () => {
    await start()
    const id = await bench.createCampaign(100)
    await bench.suppressions.add([phoneOf(1, 3), phoneOf(1, 77)])
    await bench.launch(id)
    await bench.startWorker()
    expect(await bench.completed(id)).toMatchObject({ accepted: 98, suppressed: 2, pending: 0 })
    expect((await bench.witness(id)).recipients.seen).toBe(98)
  })

  test('paused in the middle claims nothing more; resumed, it sends the rest once', async () => {
    await start({ messagesPerSecond: 300 })
    const id = await bench.createCampaign(1_500)
    await bench.launch(id)
    await bench.startWorker()
    await bench.until(id, (counts) => (counts['accepted'] ?? 0) > 200)
    await bench.campaigns.move({ id, from: 'running', to: 'paused', reason: 'api' })
    const atPause = await bench.counts(id)
    const resting = await bench.until(id, (counts) => counts['sending'] === 0)
    // What was pending when the pause was answered is pending still, but for what was claimed and came back unsent.
    expect(resting['pending']).toBeGreaterThanOrEqual(atPause['pending'] ?? 0)
    await bench.campaigns.move({ id, from: 'paused', to: 'running' })
    await bench.askVisits(id)
    expect(await bench.completed(id)).toMatchObject({ accepted: 1_500 })
    expect((await bench.witness(id)).recipients).toMatchObject({ doubled: 0, seen: 1_500 })
  })

  test('canceled in the middle ends, and every recipient is somewhere', async () => {
    await start({ messagesPerSecond: 300 })
    const id = await bench.createCampaign(2_000)
    await bench.launch(id)
    await bench.startWorker()
    await bench.until(id, (counts) => (counts['accepted'] ?? 0) > 100)
    await bench.campaigns.move({ id, from: 'running', to: 'canceled' })
    const counts = await bench.until(id, ({ pending, sending }) => pending === 0 && sending === 0)
    expect((counts['accepted'] ?? 0) + (counts['canceled'] ?? 0)).toBe(2_000)
    expect((await bench.witness(id)).recipients.seen).toBe(counts['accepted'])
    expect(await bench.miscounts(id)).toEqual([])
  })

  test('that runs out of time sends nobody after its bound; the rest expires', async () => {
    await start({ messagesPerSecond: 100 })
    const sendBy = Date.now() + 6_000
    const id = await bench.createCampaign(2_000, { sendBy: new Date(sendBy).toISOString() })
    await bench.launch(id)
    await bench.startWorker()
    const counts = await bench.completed(id, 30_000)
    expect(counts['expired']).toBeGreaterThan(500)
    expect((counts['accepted'] ?? 0) + (counts['expired'] ?? 0)).toBe(2_000)
    const lines = (await (await fetch(`${bench.simulator}/_simulator/ledger?campaign=${id}`)).text()).trim().split('\n')
    const arrivals = lines.map(
      (line) => JSON.parse(line) as { readonly at?: number; readonly arrivedAt?: number; readonly receivedAt?: number },
    )
    const latest = Math.max(
      ...arrivals.map(({ at, arrivedAt, receivedAt }) => at ?? arrivedAt ?? receivedAt ?? Number.NaN),
    )
    expect(latest).toBeLessThan(sendBy)
  })
})

describe("the endpoint's word", () => {
  test('a refused token blocks the sender, rejects nobody, and a new token sets it going again by itself', async () => {
    await start()
    await bench.configureSender({}, 'an-expired-token')
    const id = await bench.createCampaign(300)
    await bench.launch(id)
    const worker = await bench.startWorker()
    await worker.waitFor(/sender blocked/)
    await bench.until(id, ({ sending, pending }) => sending === 0 && pending === 300)
    expect([...(await bench.senders.blocks(SENDER, Date.now())).keys()]).toEqual(['code_190'])
    await bench.configureSender({}, TOKEN)
    expect(await bench.completed(id)).toMatchObject({ accepted: 300 })
    expect(worker.lines.filter((line) => line.includes('sender blocked')).length).toBeLessThan(3)
  })

  test('a run of the same refusal at the head pauses the campaign instead of burning its list', async () => {
    await start({ simulator: { answers: { rejectedShare: 1, rejectedCodes: [132012] } } })
    const id = await bench.createCampaign(2_000)
    await bench.launch(id)
    await bench.startWorker()
    await bench.until(id, ({ sending }, status) => status === 'paused' && sending === 0)
    expect(await bench.client.hget(bench.keys.campaign(id), 'reason')).toBe('code_132012')
    expect((await bench.counts(id))['rejected']).toBeLessThanOrEqual(60)
  })

  test('that wants another try for people who had enough marketing keeps them for a day or more', async () => {
    await start({ simulator: { answers: { rejectedShare: 1, rejectedCodes: [131049] } } })
    await bench.startWorker()
    const began = Date.now()
    const id = await bench.createCampaign(6, { ecosystemLimitRetries: 1 })
    await bench.launch(id)
    const waiting = async (): Promise<readonly string[]> =>
      await bench.client.zrangebyscore(bench.keys.retries(id), began + 86_400_000, '+inf')
    await expect.poll(waiting, { timeout: 15_000 }).toHaveLength(6)
    expect(await bench.counts(id)).toMatchObject({ pending: 6 })
    expect((await bench.counts(id))['rejected'] ?? 0).toBe(0)
    expect(await bench.status(id)).toBe('running')
  })

  test('that a template is stopped holds what was launched since, also when nobody was left to hold it', async () => {
    await start()
    const standings = new TemplateStandings(bench.client, bench.keys)
    const template = { wabaId: '1', name: 'bf_2026', language: 'pt_BR' }
    const say = async (word: 'stop' | 'resume', at: number): Promise<void> =>
      void (await standings.hear(template, { aspect: 'status', word, at }, []))
    await say('stop', 1)
    const id = await bench.createCampaign(10)
    await bench.campaigns.enliven(id)
    await bench.campaigns.move({ id, from: 'draft', to: 'running' })
    await bench.startWorker()
    expect((await bench.until(id, (_counts, status) => status === 'paused'))['pending']).toBe(10)
    await say('resume', 2)
    expect((await bench.completed(id))['accepted']).toBe(10)
  })

  test('that a message is held for a quality assessment is a state of its own', async () => {
    await start({ simulator: { answers: { heldShare: 1 } } })
    const id = await bench.createCampaign(20)
    await bench.launch(id)
    await bench.startWorker()
    expect(await bench.completed(id)).toMatchObject({ accepted: 20, 'delivery:held': 20 })
    expect(await bench.miscounts(id)).toEqual([])
  })

  test('an outage rejects nobody: all is sent when it is over', async () => {
    await start()
    const id = await bench.createCampaign(500)
    // 131016 for every message: not sent, by the endpoint's own word.
    await bench.configureSimulator({ answers: { stumbleShare: 1 } })
    await bench.launch(id)
    const worker = await bench.startWorker()
    await worker.waitFor(/sender rests/)
    await bench.configureSimulator({ answers: { stumbleShare: 0 } })
    expect(await bench.completed(id, 60_000)).toMatchObject({ accepted: 500, pending: 0 })
    expect(worker.lines.filter((line) => line.includes('sender sends again'))).not.toEqual([])
  }, 70_000)

  test('every code about one recipient does to that recipient what its row says', async () => {
    await start()
    const rows = ERROR_TABLE.filter(({ follow }) => follow.kind in ONE_RECIPIENT)
    const id = await bench.createCampaign(rows.length + 20)
    // The first twenty are taken, so that the campaign has proven itself.
    await bench.script(Object.fromEntries(rows.map(({ code }, index) => [index + 20, { answers: [code, 'accepted'] }])))
    await bench.launch(id)
    await bench.startWorker()
    const counts = await bench.completed(id)
    const wanted: Record<string, number> = { accepted: 20 }
    for (const { code, follow } of rows) {
      const disposition = ONE_RECIPIENT[follow.kind as keyof typeof ONE_RECIPIENT]
      wanted[disposition] = (wanted[disposition] ?? 0) + 1
      if (follow.kind === 'reject' || follow.kind === 'suppress') wanted[`error:${code}`] = 1
    }
    expect(counts).toMatchObject(wanted)
  })

  test('every code about a campaign, a sender or the service stops what its row says, and loses nobody', async () => {
    await start()
    const worker = await bench.startWorker()
    for (const { code, follow } of ERROR_TABLE.filter(
      ({ follow: { kind } }) => kind === 'hold_campaign' || kind === 'block_sender' || kind === 'rest',
    )) {
      const id = await bench.createCampaign(15)
      await bench.script({ 12: { answers: [code, 'accepted'] } })
      await bench.launch(id)
      if (follow.kind === 'hold_campaign') {
        await bench.until(id, ({ sending }, status) => status === 'paused' && sending === 0)
        expect(await bench.client.hget(bench.keys.campaign(id), 'reason')).toBe(`code_${code}`)
        await bench.campaigns.move({ id, from: 'paused', to: 'running' })
        await bench.askVisits(id)
      } else if (follow.kind === 'rest') {
        // A rest may be over before anybody looks: that there was one stays written down.
        await expect
          .poll(async () => (await bench.senders.pacing(SENDER)).restUntil, { timeout: 20_000, interval: 10 })
          .toBeGreaterThan(0)
        await bench.client.del(bench.keys.rate(SENDER))
      } else {
        await expect
          .poll(async () => [...(await bench.senders.blocks(SENDER, Date.now())).keys()], {
            timeout: 20_000,
            interval: 20,
          })
          .toEqual([`code_${code}`])
        expect((await bench.counts(id))['rejected'] ?? 0).toBe(0)
        await bench.senders.unblock(SENDER, `code_${code}`)
      }
      const counts = await bench.completed(id)
      expect(counts, `code ${code}: ${JSON.stringify(counts)}\n${worker.lines.slice(-8).join('\n')}`).toMatchObject({
        accepted: 15,
      })
    }
    expect(worker.lines.some((line) => line.includes('"level":"fatal"'))).toBe(false)
  }, 180_000)
})

/** Follow-ups that touch one recipient alone, and what becomes of it. */
const ONE_RECIPIENT = { reject: 'rejected', suppress: 'suppressed', unknown: 'unknown', throttle: 'accepted' } as const

/** A campaign of 1,500 whose only worker was killed while it sent, and another has just been started. */
async function killedInTheMiddle(): Promise<string> {
  const id = await bench.createCampaign(1_500)
  await bench.launch(id)
  const first = await bench.startWorker()
  await bench.until(id, ({ accepted }) => (accepted ?? 0) > 300)
  first.signal('SIGKILL')
  await first.exited
  await bench.startWorker()
  return id
}

describe('a worker', () => {
  test('told to end stops claiming, ends what it began and leaves nothing open; another goes on', async () => {
    await start({ messagesPerSecond: 400, simulator: { answers: { latencyP50Ms: 200, latencyP95Ms: 400 } } })
    const id = await bench.createCampaign(1_200)
    await bench.launch(id)
    const first = await bench.startWorker()
    await bench.until(id, ({ accepted }) => (accepted ?? 0) > 200)
    const begun = Date.now()
    expect(await first.stop()).toEqual({ code: 0, signal: null })
    expect(Date.now() - begun).toBeLessThan(10_000)
    expect(await bench.counts(id)).toMatchObject({ sending: 0 })
    expect((await bench.counts(id))['unknown'] ?? 0).toBe(0)
    await bench.startWorker()
    expect(await bench.completed(id)).toMatchObject({ accepted: 1_200 })
    expect((await bench.witness(id)).recipients.doubled).toBe(0)
  })

  test('told to end while the endpoint hangs gives up what is on the wire by its own word, and exits 0', async () => {
    await start({ simulator: { answers: { lostShare: 1, lostKinds: ['hang'], hangMs: 60_000 } } })
    const id = await bench.createCampaign(100)
    await bench.launch(id)
    const worker = await bench.startWorker()
    await expect.poll(async () => (await bench.witness(id)).requests.received, { timeout: 10_000 }).toBeGreaterThan(0)
    expect(await worker.stop(20_000)).toEqual({ code: 0, signal: null })
    const counts = await bench.counts(id)
    expect(counts['sending']).toBe(0)
    // Everything that reached the endpoint may have been sent; nothing else is unknown.
    expect(counts['unknown']).toBe((await bench.witness(id)).recipients.seen)
  })

  test('killed in the middle leaves unknown what was on its way, and nobody is sent to twice', async () => {
    await start({
      messagesPerSecond: 500,
      env: { SEND_LEASE_MS: '4000', SEND_TIMEOUT_MS: '1000' },
      simulator: { answers: { latencyP50Ms: 100, latencyP95Ms: 200 } },
    })
    const id = await killedInTheMiddle()
    const counts = await bench.completed(id, 60_000)
    const { recipients } = await bench.witness(id)
    expect(recipients.doubled).toBe(0)
    expect((counts['accepted'] ?? 0) + (counts['unknown'] ?? 0)).toBe(1_500)
    expect(counts['unknown']).toBeGreaterThan(0)
    expect(counts['unknown']).toBeLessThan(300)
    expect(await bench.miscounts(id)).toEqual([])
  }, 90_000)

  test('that comes after one was killed goes on with what is free, long before locks and leases end', async () => {
    await start({ messagesPerSecond: 500 })
    const id = await killedInTheMiddle()
    await bench.until(id, ({ pending }) => pending === 0, 14_000)
    expect((await bench.witness(id)).recipients.doubled).toBe(0)
  })

  test('claims nothing while everything is stopped, and goes on when it is not', async () => {
    await start()
    await bench.heart.stopEverything('drill', 'test')
    const id = await bench.createCampaign(200)
    await bench.launch(id)
    const worker = await bench.startWorker()
    await worker.waitFor(/claims are forbidden|"why":"drill"/).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(await bench.counts(id)).toMatchObject({ pending: 200 })
    await bench.heart.goOn()
    expect(await bench.completed(id)).toMatchObject({ accepted: 200 })
  })

  test('notices a Redis that has gone backwards and claims nothing until it is released', async () => {
    await start({ messagesPerSecond: 100 })
    const id = await bench.createCampaign(1_000)
    await bench.launch(id)
    const worker = await bench.startWorker()
    await bench.until(id, ({ accepted }) => (accepted ?? 0) > 100)
    // As after the promotion of a stale replica: the heart is where it was.
    const beats = await bench.client.keys(bench.keys.beat('*'))
    expect(beats).toHaveLength(1)
    await bench.client.set(beats[0] ?? '', '1')
    await worker.waitFor(/gone backwards/)
    await bench.until(id, ({ sending }) => sending === 0)
    const { accepted } = await bench.counts(id)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect((await bench.counts(id))['accepted']).toBe(accepted)
    await bench.heart.release('checked', 'test')
    expect(await bench.completed(id, 30_000)).toMatchObject({ accepted: 1_000 })
    expect((await bench.witness(id)).recipients.doubled).toBe(0)
  }, 60_000)

  test('notices by its next claim a ledger that has forgotten claims, though the connection stays and the beats go on', async () => {
    await start({ messagesPerSecond: 100 })
    const id = await bench.createCampaign(400)
    await bench.launch(id)
    const worker = await bench.startWorker()
    await bench.until(id, ({ accepted }) => (accepted ?? 0) > 50)
    // As in a cluster of which one shard went back.
    const [claimant] = await bench.client.hkeys(bench.keys.claimants(id))
    await bench.client.hset(bench.keys.claimants(id), claimant ?? '', '1')
    await worker.waitFor(/forgotten claims/)
    await bench.until(id, ({ sending }) => sending === 0)
    const { accepted } = await bench.counts(id)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect((await bench.counts(id))['accepted']).toBe(accepted)
    await bench.heart.release('checked', 'test')
    expect(await bench.completed(id, 30_000)).toMatchObject({ accepted: 400 })
    expect((await bench.witness(id)).recipients.doubled).toBe(0)
  }, 60_000)

  test('follows a changed limit while it runs', async () => {
    await start({ messagesPerSecond: 50 })
    const id = await bench.createCampaign(1_000)
    await bench.configureSimulator({ numbers: { '106540352242922': { perSecond: 1_000 } } })
    await bench.launch(id)
    const worker = await bench.startWorker()
    await bench.until(id, ({ accepted }) => (accepted ?? 0) > 20)
    await bench.configureSender({ messagesPerSecond: 800 })
    await worker.waitFor(/sender changed/)
    await bench.completed(id, 8_000)
  })

  test('sends at the rate that Meta has raised its number to, beside another, without a restart', async () => {
    await start()
    await bench.configureSender({ messagesPerSecond: 20 })
    const id = await bench.createCampaign(600)
    await bench.launch(id)
    await Promise.all([bench.startWorker(), bench.startWorker()])
    await bench.until(id, ({ accepted }) => (accepted ?? 0) > 5)
    await bench.senders.learnRate(SENDER, 1_000, Date.now())
    // At 20 a second it would take half a minute.
    await bench.completed(id, 25_000)
    const [rate] = Object.values((await bench.witness(id)).rate)
    expect(rate?.perSecondMax).toBeGreaterThan(40)
  }, 60_000)

  test('waits for a Redis that comes back, and sends nobody twice', async () => {
    await start({ messagesPerSecond: 200 })
    const id = await bench.createCampaign(1_500)
    await bench.launch(id)
    const worker = await bench.startWorker()
    await bench.until(id, ({ accepted }) => (accepted ?? 0) > 200)
    await bench.redis.kill()
    await worker.waitFor(/trouble, will try again|redis connection/)
    await bench.redis.restart()
    const counts = await bench.completed(id, 60_000)
    expect((counts['accepted'] ?? 0) + (counts['unknown'] ?? 0)).toBe(1_500)
    expect((await bench.witness(id)).recipients.doubled).toBe(0)
    expect(await bench.miscounts(id)).toEqual([])
  }, 90_000)

  test('says what is wrong with its environment, a line each, and does not start', async () => {
    await start()
    const worker = spawnApp({
      name: 'send-worker',
      env: { SENDERS_FILE: bench.sendersFile, REDIS_URL: 'http://x', SEND_CONCURRENCY: '0', TEST_TOKEN: 'x' },
    })
    expect(await worker.exited).toEqual({ code: 78, signal: null })
    expect(worker.lines).toEqual([
      expect.stringMatching(/^REDIS_URL: found .* allowed: redis:/),
      expect.stringMatching(/^SEND_CONCURRENCY: found "0", allowed: a whole number from 1 to 2000/),
    ])
    const tokenless = spawnApp({ name: 'send-worker', env: { SENDERS_FILE: bench.sendersFile } })
    expect((await tokenless.exited).code).toBe(78)
    expect(tokenless.lines).toEqual([
      expect.stringMatching(/^TEST_TOKEN: found nothing, allowed: the access token of sender main/),
    ])
  })
})
