import { setTimeout as sleep } from 'node:timers/promises'

import { Departures, mostInSecond } from '@chasqui/harness'

import { until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'
import type { Member } from '../member.ts'

/** So much of a limit is to be used while there is work. */
const SHARE_LEAST = 0.98

/** Not counted for the share: a campaign's last window is not full. */
const EDGE_MS = 1_000
/** Long enough for an answer of an endpoint that is cold: one that is given up as lost lets the sender rest. */
const PATIENT = { SEND_TIMEOUT_MS: '10000', SEND_LEASE_MS: '20000' }

type Measured = {
  readonly limit: number
  readonly workers: number
  readonly seconds: number
  /** Not counted for the share: processes are cold, and share two processors while they are compiled. */
  readonly warmMs: number
  /** Whether the share must be enough; else it is only told. */
  readonly judged?: boolean
}

/**
 * A limit, so many workers, for so long. `meanwhile` happens beside. Judged is when requests were written to their sockets,
 * as undici tells in each worker: no second may hold more than the limit. The endpoint must have seen no more than what a
 * way as long as the longest allows: it shares its processors with everybody else here.
 */
async function measure(
  options: Run,
  { limit, workers, seconds, warmMs, judged = true }: Measured,
  meanwhile?: (workers: readonly Member[]) => Promise<void>,
): Promise<Result> {
  const steady = meanwhile === undefined
  // Of the chunks of a worker that was killed some recipients wait for its lease to end: there must be others.
  const numbers = people(Math.ceil(limit * (seconds + 2) * (steady ? 1 : 4)))
  await using written = await Departures.begin()
  // The endpoint itself would take more: what is too much must be seen, not refused and sent again.
  const stage = await Stage.set({
    seed: options.seed,
    messagesPerSecond: limit,
    endpointPerSecond: limit * 10,
    workers,
    // Statuses would take half of the machine, and are another scenario's.
    simulator: { webhooks: { paused: true } },
    workerEnv: { ...PATIENT, ...written.env },
  })
  try {
    const campaign = await stage.upstream.run(`rate-${limit}-${workers}`, numbers, {
      sender: SENDER,
      onUnknown: 'keep',
    })
    const received = async (): Promise<number> => (await stage.witness.summary()).requests.received
    await until('the first message', 60_000, received, (requests) => requests > 0)
    await Promise.all([sleep(seconds * 1_000), meanwhile?.(stage.workers)])
    await stage.upstream.order(campaign, 'cancel')
    const { witness } = await stage.witness.summary()
    const arrivals = (await stage.witness.posts(campaign)).map(({ at }) => at)
    const departures = (await written.read()).map(({ at }) => at)
    const [left, seen, share] = [mostInSecond(departures), mostInSecond(arrivals), shareOf(departures, limit, warmMs)]
    const allowed = Math.ceil(limit * (1 + longestWayMs(departures, arrivals) / 1_000))
    options.say(
      `${limit}/s, ${workers} workers: at most ${left} left in a second, ${seen} seen (${allowed} allowed by their way), ${percent(share)} %`,
    )
    const name = `${limit}/s by ${workers}`
    return {
      figures: {
        [`${name}: most that left in a second`]: left,
        [`${name}: most that the endpoint saw in a second`]: seen,
        [`${name}: % of the limit`]: percent(share),
      },
      violations: [
        ...(left > limit ? [`${name}: ${left} left in a second`] : []),
        ...(seen > allowed ? [`${name}: the endpoint saw ${seen} in a second, ${allowed} allowed`] : []),
        ...(arrivals.length > departures.length ? [`${name}: more were seen than left`] : []),
        // A busy machine shows in how late the endpoint was itself.
        ...(judged && share < SHARE_LEAST
          ? [
              `${name}: ${percent(share)} % of the limit used (endpoint up to ${Math.ceil(witness.loopDelayMaxMs)} ms late)`,
            ]
          : []),
      ],
    }
  } finally {
    await stage.clear()
  }
}

/** The longest that any message was under way at least, ms: the nth to arrive cannot have left after the nth that left. */
function longestWayMs(departures: readonly number[], arrivals: readonly number[]): number {
  let longest = 0
  for (const [index, at] of arrivals.entries()) longest = Math.max(longest, at - (departures[index] ?? at))
  return longest
}

/** Of the limit, from when the processes are warm to the last second. */
function shareOf(times: readonly number[], limit: number, warmMs: number): number {
  const [begin, end] = [(times[0] ?? 0) + warmMs, (times.at(-1) ?? 0) - EDGE_MS]
  const within = times.filter((time) => time >= begin && time < end)
  const spanMs = (within.at(-1) ?? 0) - (within[0] ?? 0)
  return (within.length - 1) / ((limit * spanMs) / 1_000)
}

function percent(share: number): number {
  return Math.round(share * 1_000) / 10
}

/** Each worker in turn is killed, so often, and comes back. */
async function churn(workers: readonly Member[], { seconds, everyMs }: Deaths): Promise<void> {
  const end = performance.now() + seconds * 1_000
  for (let turn = 0; performance.now() < end; turn++) {
    await sleep(everyMs)
    workers[turn % workers.length]?.kill()
  }
}

type Deaths = { readonly seconds: number; readonly everyMs: number; readonly judged: boolean }

/**
 * What a dead worker was given counts as used until it could be used no more: some fifteen messages at 200 a second. So
 * where one dies all the time only the law is judged.
 */
const DEATHS: readonly Deaths[] = [
  { seconds: 15, everyMs: 1_500, judged: false },
  { seconds: 75, everyMs: 15_000, judged: true },
]

/** Long enough that a moment without a processor is no percent, s; and how much of it warms up, ms. */
const SECONDS = { 10: 20, 80: 30, 1_000: 30 } as const
const WARM_MS = { 10: 1_000, 80: 3_000, 1_000: 8_000 } as const

async function run(options: Run): Promise<Result> {
  const limits: ReadonlyArray<keyof typeof SECONDS> = options.short ? [80] : [10, 80, 1_000]
  const figures: Record<string, number> = {}
  const violations: string[] = []
  const add = (result: Result, prefix = ''): void => {
    for (const [name, value] of Object.entries(result.figures)) figures[`${prefix}${name}`] = value
    violations.push(...result.violations.map((violation) => `${prefix}${violation}`))
  }
  for (const limit of limits)
    for (const workers of options.short ? [2] : [1, 4, 8])
      add(await measure(options, { limit, workers, seconds: SECONDS[limit], warmMs: WARM_MS[limit] }))
  const deaths = options.short ? DEATHS.slice(0, 1).map((some) => ({ ...some, seconds: 6 })) : DEATHS
  for (const some of deaths) {
    const measured = { limit: 200, workers: 4, seconds: some.seconds, warmMs: WARM_MS[80], judged: some.judged }
    const result = await measure(options, measured, async (workers) => await churn(workers, some))
    add(result, `one killed every ${some.everyMs / 1_000} s, `)
  }
  return { figures, violations }
}

export const rate: Scenario = {
  name: 'rate',
  shows: 'from 10 to 1,000 a second, one to eight workers, also joining and dying: no second above the limit',
  long: true,
  alone: true,
  run,
}
