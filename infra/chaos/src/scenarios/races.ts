import { setTimeout as sleep } from 'node:timers/promises'

import { attemptsOf, STATE, stateOf } from '@chasqui/delivery'
import { Departures } from '@chasqui/harness'
import type { Departure } from '@chasqui/harness'

import { between, pick, seededRandom } from '../random.ts'
import type { Random } from '../random.ts'
import { peopleOf, until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'

const RECIPIENTS = 600
/** A claim made before the answer may still be on its way to its socket for this long: the age at which the last fence refuses. */
const FENCE_MS = 2_000
/** The file of a request's moment is written after its fence: a busy machine may lie between the two, ms. */
const STAMP_MS = 100
const KINDS = ['pause', 'cancel', 'opt-out'] as const
type Kind = (typeof KINDS)[number]

type Counted = {
  claims: number
  requests: number
  tooLate: number
  /** When the order was answered, ms since 1970, by the callback data of each message that was seen after it. */
  readonly after: Map<string, number>
}

/** A campaign under way is stopped, or some of its people opt out; from the answer on nothing of that may be claimed. */
async function race(stage: Stage, random: Random, index: number, kind: Kind, counted: Counted): Promise<void> {
  const numbers = people(RECIPIENTS, index * RECIPIENTS)
  const campaign = await stage.upstream.run(`race-${index}`, numbers, { sender: SENDER, onUnknown: 'keep' })
  await sleep(between(random, 50, 900))
  const optingOut = kind === 'opt-out' ? numbers.filter(() => random() < 0.3) : []
  if (kind === 'opt-out') await stage.upstream.suppress(optingOut)
  else if (!(await stage.upstream.order(campaign, kind))) {
    counted.tooLate += 1
    return
  }
  // Read after the answer: whoever is not claimed by now must never be.
  const answeredAt = Date.now()
  const atAnswer = (await stage.client.getBuffer(stage.keys.states(campaign))) ?? Buffer.alloc(0)
  await sleep(FENCE_MS + 500)
  if (kind === 'opt-out') await ended(stage, campaign)
  await quiet(stage, campaign)
  const later = (await stage.client.getBuffer(stage.keys.states(campaign))) ?? Buffer.alloc(0)
  const posts = await stage.witness.posts(campaign)
  const concerned = new Set(kind === 'opt-out' ? optingOut : numbers)
  for (const [ordinal, to] of (await peopleOf(stage, campaign)).entries()) {
    if (!concerned.has(to)) continue
    const free = isFree(atAnswer[ordinal] ?? 0)
    // An opted-out recipient is claimed and let go again: what counts is that nothing was sent.
    const sentTo = posts.some((post) => post.to === to && post.at > answeredAt)
    if (free && sentTo) counted.requests += 1
    if (kind !== 'opt-out' && free && attemptsOf(later[ordinal] ?? 0) > attemptsOf(atAnswer[ordinal] ?? 0))
      counted.claims += 1
  }
  for (const { to, at, callbackData } of posts)
    if (to !== null && concerned.has(to) && at > answeredAt) counted.after.set(callbackData, answeredAt)
}

/** How long after its order's answer the last request was written, ms. When it was seen says less: the witness is busy. */
function latestMs({ after }: Counted, departures: readonly Departure[]): number {
  return Math.max(0, ...departures.map(({ at, callbackData }) => at - (after.get(callbackData) ?? at)))
}

function isFree(byte: number): boolean {
  const state = stateOf(byte)
  return state === STATE.pending || state === STATE.waiting
}

async function ended(stage: Stage, campaign: string): Promise<void> {
  await until(
    `the end of ${campaign}`,
    60_000,
    async () => await stage.status(campaign),
    (status) => status === 'completed',
  )
}

/** What was claimed before the answer has come to its end. */
async function quiet(stage: Stage, campaign: string): Promise<void> {
  await until(
    'no claim',
    20_000,
    async () => (await stage.counts(campaign))['sending'] ?? 0,
    (sending) => sending === 0,
  )
}

async function run({ seed, short, say }: Run): Promise<Result> {
  const random = seededRandom(seed)
  const [races, lanes] = short ? [9, 9] : [500, 24]
  await using written = await Departures.begin()
  const stage = await Stage.set({
    seed,
    messagesPerSecond: 900,
    workers: 2,
    simulator: { answers: { latencyP50Ms: 30, latencyP95Ms: 150, latencyMaxMs: 1_000 } },
    workerEnv: written.env,
  })
  try {
    const counted: Counted = { claims: 0, requests: 0, tooLate: 0, after: new Map() }
    const held: Record<Kind, number> = { pause: 0, cancel: 0, 'opt-out': 0 }
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < races) {
        const index = next++
        const kind = pick(random, KINDS)
        held[kind] += 1
        await race(stage, random, index, kind, counted)
      }
    }
    await Promise.all(Array.from({ length: lanes }, async () => await lane()))
    say(`races: ${JSON.stringify(held)}`)
    const latest = Math.round(latestMs(counted, await written.read()))
    const violations = [
      ...(counted.claims > 0 ? [`${counted.claims} recipients were claimed after the answer`] : []),
      ...(counted.requests > 0 ? [`${counted.requests} who were free at the answer were sent to`] : []),
      ...(latest > FENCE_MS + STAMP_MS ? [`a request was written ${latest} ms after the answer`] : []),
    ]
    return {
      figures: {
        races,
        tooLate: counted.tooLate,
        claimsAfterAnswer: counted.claims,
        sentAlthoughFree: counted.requests,
        lastWrittenAfterAnswerMs: latest,
      },
      violations,
    }
  } finally {
    await stage.clear()
  }
}

export const races: Scenario = {
  name: 'races',
  shows: 'pause, cancel and opt-out in the middle of sending: no claim after the answer',
  run,
}
