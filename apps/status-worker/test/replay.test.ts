import { spawnApp } from '@chasqui/harness'
import { MessageIds } from '@chasqui/store'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { bodyOf, nameless, NAMELESS_SENDER, PREFIX, status, statusesBody, until, World } from './world.ts'
import type { Worker } from './world.ts'

let world: World
let worker: Worker

beforeAll(async () => {
  world = await World.begin()
  worker = await world.start()
})

afterEach(async () => void (await world.client.del(world.keys.deadLetters(), world.keys.deadLetterIndex())))

afterAll(async () => await world.end())

/** Run `status-worker <args>` to its end, as a person would. */
async function command(...args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const app = spawnApp({ name: 'status-worker', args, env: { REDIS_URL: world.redis.url, REDIS_PREFIX: PREFIX } })
  const { code } = await app.exited
  return { code, said: app.lines.join('\n') }
}

async function tell(campaign: string, words: readonly string[], recipients = 40): Promise<void> {
  for (const word of words) {
    const statuses = Array.from({ length: recipients }, (_, ordinal) => status(campaign, ordinal, word))
    expect((await worker.post(statusesBody(statuses))).status).toBe(200)
  }
}

describe('replay --verify', { timeout: 30_000 }, () => {
  test('finds the counters as the log tells them, names those that are not, and what the ledger lacks', async () => {
    await world.sentCampaign('told', 40)
    await tell('told', ['sent', 'delivered', 'failed'])
    await world.folded()
    const equal = await command('replay', '--verify', 'told')
    expect(equal.said).toMatch(/^120 statuses of told are in the log; all \d+ counters are as it tells them\.$/)
    expect(equal.code).toBe(0)
    await world.client.hincrby(world.keys.counts('told'), 'delivery:delivered', 3)
    const apart = await command('replay', '--verify', 'told')
    expect(apart.said).toContain('delivery:delivered: counted 43, told 40')
    expect(apart.code).toBe(1)
    await world.client.hincrby(world.keys.counts('told'), 'delivery:delivered', -3)

    await world.client.setrange(world.keys.facts('told'), 7, '\0')
    const lacking = await command('replay', '--verify', 'told', '--json')
    expect(JSON.parse(lacking.said)).toMatchObject({ kind: 'different', comparison: { unfolded: 1, untold: 0 } })
  })

  test('is right also while webhooks come in', async () => {
    await world.sentCampaign('live', 500)
    const over = new AbortController()
    const flow = (async () => {
      for (let ordinal = 0; !over.signal.aborted; ordinal = (ordinal + 1) % 500)
        await worker.post(statusesBody([status('live', ordinal, ordinal % 3 === 0 ? 'read' : 'sent')]))
    })()
    for (let look = 0; look < 3; look += 1)
      expect(await command('replay', '--verify', 'live')).toMatchObject({ code: 0 })
    over.abort()
    await flow
  })

  test('knows statuses by the id of their message, and whose statuses still wait for it', async () => {
    const ids = new MessageIds(world.client, world.keys)
    const note = async (campaign: string, ordinals: readonly number[]): Promise<void> =>
      await ids.note(
        NAMELESS_SENDER.id,
        campaign,
        ordinals.map((ordinal) => ({ messageId: `wamid.${campaign}.${ordinal}`, ordinal, attempt: 1 })),
      )
    for (const campaign of ['byid', 'other']) {
      await world.sentCampaign(campaign, 5, { sender: NAMELESS_SENDER.id })
      await note(campaign, [0, 1, 2, 3])
    }
    const told = ['byid', 'other'].flatMap((campaign) =>
      [0, 1, 2, 3, 4].flatMap((ordinal) => ['sent', 'read'].map((word) => nameless(campaign, ordinal, word))),
    )
    const metadata = { phone_number_id: NAMELESS_SENDER.phoneNumberId }
    expect((await worker.post(bodyOf('messages', { metadata, statuses: told }))).status).toBe(200)
    await world.folded()
    // Nobody knows the fifth message yet: what is told of it waits, and the ledger cannot know it.
    expect(await ids.waiting(NAMELESS_SENDER.id)).toBe(2)
    const before = await command('replay', '--verify', 'byid')
    expect(before.said).toMatch(/^8 statuses of byid are in the log; all \d+ counters are as it tells them\.$/)
    expect(before.code).toBe(0)
    await note('byid', [4])
    await until(async () => (await ids.waiting(NAMELESS_SENDER.id)) === 1)
    const joined = await command('replay', '--verify', 'byid')
    expect(joined.said).toContain('10 statuses of byid')
    expect(joined.code).toBe(0)
    // It parked nothing, and forgot nothing.
    expect(await ids.waiting(NAMELESS_SENDER.id)).toBe(1)
    await world.client.setrange(world.keys.facts('byid'), 2, '\0')
    const lacking = await command('replay', '--verify', 'byid', '--json')
    expect(JSON.parse(lacking.said)).toMatchObject({ kind: 'different', comparison: { unfolded: 1, untold: 0 } })
  })

  test('says so when the log begins after the launch, or cannot be asked', async () => {
    await world.sentCampaign('old', 40)
    await tell('old', ['sent'])
    await world.folded()
    await world.client.xtrim(world.keys.webhookLog(), 'MAXLEN', 0)
    await tell('old', ['delivered'])
    await world.folded()
    const { code, said } = await command('replay', '--verify', 'old')
    expect(said).toMatch(/^40 statuses of old .* too late to tell all numbers again/)
    expect(code).toBe(2)
    expect(await command('replay', '--verify', 'nobody')).toEqual({ code: 2, said: 'There is no campaign nobody.' })
  })
})

describe('dead letters', { timeout: 30_000 }, () => {
  test('are shown without personal data, and whole when that is asked for', async () => {
    await tell('to-come', ['delivered'], 1)
    await until(async () => (await world.deadLetters()).length === 1)
    const shown = await command('dead-letters')
    expect(shown.said).toMatch(
      /unknown_campaign {2}\d+ bytes {2}status delivered at \S+, campaign to-come recipient 0 of test/,
    )
    expect(shown.said).toContain('1 of 1 shown. By reason: unknown_campaign 1.')
    expect(shown.said).not.toMatch(/5511900|wamid/)
    expect((await command('dead-letters', '--bodies')).said).toMatch(/5511900000000/)
    expect((await command('dead-letters', '--reason', 'unreadable')).said).not.toContain('to-come')
  })

  test('replayed after what they lacked is there, are counted once; what fails again comes back with its new reason', async () => {
    await tell('later', ['sent', 'delivered'], 41)
    await until(async () => (await world.deadLetters()).length === 82)
    await world.sentCampaign('later', 40)
    const none = await command('replay', '--reason', 'unreadable')
    expect(none.said).toContain('0 dead letters are in the log again, 82 of other reasons stay')
    expect((await command('replay')).said).toContain('82 dead letters')
    await until(async () => (await world.deadLetters()).length === 2)
    await world.folded()
    expect(await world.counts('later')).toMatchObject({ 'delivery:sent': 40, 'delivery:delivered': 40 })
    expect(await world.recount('later')).toEqual([])
    expect((await world.deadLetters()).map(({ reason }) => reason)).toEqual(['unknown_recipient', 'unknown_recipient'])
    expect(await command('replay', '--verify', 'later')).toMatchObject({ code: 0 })
  })
})
