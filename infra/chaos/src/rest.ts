import { setTimeout as sleep } from 'node:timers/promises'

import { STATE, stateOf } from '@chasqui/delivery'
import type { Departure } from '@chasqui/harness'
import { CHUNK_ROWS, Chunks } from '@chasqui/store'

import { judge } from './checker.ts'
import type { Verdict } from './checker.ts'
import { people as phoneNumbers, SENDER } from './stage.ts'
import type { Stage } from './stage.ts'
import type { Post } from './witness.ts'

const LOOK_EVERY_MS = 250
const ENDED = new Set(['completed', 'canceled'])

/** Looks again and again until it is so. Throws, telling what was seen last, when that does not come. */
export async function until<Seen>(
  what: string,
  patienceMs: number,
  look: () => Promise<Seen>,
  isSo: (seen: Seen) => boolean,
): Promise<Seen> {
  const deadline = performance.now() + patienceMs
  for (let last = 'nothing'; ;) {
    // Redis may be away at this moment: that is what scenarios are about.
    const seen = await look().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    if ('value' in seen && isSo(seen.value)) return seen.value
    last = JSON.stringify('value' in seen ? seen.value : String(seen.error))
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs / 1_000} s for ${what} and saw ${last}`)
    await sleep(LOOK_EVERY_MS)
  }
}

/** How often a sender says something else while unknowns wait, ms, and to how many people. */
const MURMUR_EVERY_MS = 3_000
const MURMUR_PEOPLE = 3
/** Numbers that no scenario uses. */
const MURMUR_FROM = 20_000_000
let murmurs = 0

/** Resolves when nothing moves any more: the campaigns have ended, every webhook is taken and folded. */
export async function atRest(stage: Stage, campaigns: readonly string[], patienceMs: number): Promise<void> {
  // All of them first: while one still sends, there is hardly a moment without a webhook on its way.
  for (const campaign of campaigns) await ended(stage, campaign, patienceMs)
  await stage.witness.webhooksTaken(60_000)
  await until(
    'the folding of all webhooks',
    60_000,
    async () => await unfolded(stage),
    (left) => left === 0,
  )
}

/**
 * Resolves when the campaign has ended.
 *
 * Under `resend` an unknown waits for webhooks of messages that are younger than itself. Of the last messages of a
 * sender's only campaign there are none; so this sender goes on saying something, as a sender in use does.
 */
async function ended(stage: Stage, campaign: string, patienceMs: number): Promise<void> {
  let murmuredAt = performance.now()
  const look = async (): Promise<{ status: string; counts: Readonly<Record<string, number>> }> => {
    const [status, counts] = [await stage.status(campaign), await stage.counts(campaign)]
    const { pending = 0, sending = 0, unknown = 0 } = counts
    const waits = status === 'running' && pending + sending === 0 && unknown > 0
    if (waits && performance.now() - murmuredAt > MURMUR_EVERY_MS) {
      const numbers = phoneNumbers(MURMUR_PEOPLE, MURMUR_FROM + murmurs++ * MURMUR_PEOPLE)
      await stage.upstream.run(`murmur-${murmurs}`, numbers, { sender: SENDER, onUnknown: 'keep' })
      murmuredAt = performance.now()
    }
    return { status, counts }
  }
  await until(`the end of ${campaign}`, patienceMs, look, ({ status, counts }) => {
    return ENDED.has(status) && (counts['pending'] ?? 0) + (counts['sending'] ?? 0) === 0
  })
}

/** Webhook bodies that are taken and not folded yet. */
async function unfolded({ client, keys }: Stage): Promise<number> {
  const groups = (await client.xinfo('GROUPS', keys.webhookLog())) as ReadonlyArray<readonly unknown[]>
  return groups.reduce((sum, group) => sum + numberOf(group, 'lag') + numberOf(group, 'pending'), 0)
}

function numberOf(group: readonly unknown[], field: string): number {
  return Number(group[group.indexOf(field) + 1] ?? 0)
}

/**
 * Who lives at each ordinal of a campaign, E.164 with '+', '' where nobody does. By the stored chunks: an upload that was
 * broken off and repeated is taken in in another order than it was sent.
 */
export async function peopleOf({ client, keys }: Stage, campaign: string): Promise<string[]> {
  const states = (await client.getBuffer(keys.states(campaign))) ?? Buffer.alloc(0)
  const chunks = new Chunks(client, keys)
  const people = Array.from(states, () => '')
  for (let number = 0; number * CHUNK_ROWS < states.length; number++) {
    const { to } = (await chunks.read(campaign, number)) ?? { to: [] }
    for (const [row, phone] of to.entries()) {
      const ordinal = number * CHUNK_ROWS + row
      if (stateOf(states[ordinal] ?? 0) !== STATE.absent) people[ordinal] = `+${phone}`
    }
  }
  return people
}

/** Two processes read one clock, ms. */
const CLOCK_MS = 5

/**
 * Holds the ledger of a campaign at rest against the witness.
 *
 * @param uploaded who was meant.
 * @param written when each request was written, where that is known: a witness that is busy saw it later.
 */
export async function judgeCampaign(
  stage: Stage,
  campaign: string,
  uploaded: readonly string[],
  written?: readonly Departure[],
): Promise<Verdict> {
  const { client, keys, witness } = stage
  const [people, states, facts, counts, record, posts, summary] = await Promise.all([
    peopleOf(stage, campaign),
    client.getBuffer(keys.states(campaign)),
    client.getBuffer(keys.facts(campaign)),
    stage.counts(campaign),
    client.hmget(keys.campaign(campaign), 'onUnknown', 'notAfter'),
    witness.posts(campaign),
    witness.summary(),
  ])
  const [onUnknown, notAfter] = record
  const verdict = judge({
    onUnknown: onUnknown === 'resend' ? 'resend' : 'keep',
    notAfter: notAfter === undefined || notAfter === null || notAfter === '' ? null : Number(notAfter),
    states: states ?? Buffer.alloc(0),
    facts: facts ?? Buffer.alloc(0),
    counts,
    people,
    posts: written === undefined ? posts : atDeparture(posts, written),
    witnessDelayMs: written === undefined ? summary.witness.loopDelayMaxMs : CLOCK_MS,
  })
  const takenIn = new Set(people)
  const missing = uploaded.filter((person) => !takenIn.has(person)).length
  if (missing === 0 && verdict.figures.recipients === uploaded.length) return verdict
  const { violations, figures } = verdict
  return {
    violations: [...violations, `${figures.recipients} recipients, ${uploaded.length} uploaded, ${missing} missing`],
    figures: { ...figures, lost: figures.lost + missing },
  }
}

/** The same requests, each at the moment it was written. Throws where somebody saw what nobody wrote. */
function atDeparture(posts: readonly Post[], written: readonly Departure[]): Post[] {
  const left = new Map<string, number>()
  // One that is sent again for it was refused carries the same data: the last one is what can be too late.
  for (const { at, callbackData } of written) left.set(callbackData, at)
  return posts.map((post) => {
    const at = left.get(post.callbackData)
    if (at === undefined) throw new Error('the witness saw a request that no worker wrote')
    return { ...post, at }
  })
}
