import { setTimeout as sleep } from 'node:timers/promises'

import { until } from '../rest.ts'
import type { Result, Run, Scenario } from '../scenario.ts'
import { people, SENDER, Stage } from '../stage.ts'
import type { Member } from '../member.ts'

type Measured = {
  /** The most requests in any one second at the endpoint, once its connections are open. */
  readonly most: number
  /** Of the limit, between the first second and the last. */
  readonly share: number
}

/** So much of a limit is to be used while there is work. */
const SHARE_LEAST = 0.98
/** On a machine whose witness itself was later than this, messages leave late and less of a limit can be used, ms. */
const CALM_MS = 25

/**
 * Hundreds of connections a second cost the witness more than its event loop's delay tells: what is written on them waits
 * until it has accepted them, and is seen in bunches. So long, ms, seconds are not judged where the limit opens that many.
 * Departures, stamped by eight workers at their fences, held at most 976 in a second while this witness saw 1,279.
 */
const OPENING_MS = 3_000
const MANY = 1_000

/** The first second and the last are not counted: sending begins, and a campaign's last window is not full. */
const EDGE_MS = 1_000

/**
 * A limit, so many workers, for so long. `meanwhile` happens beside; violations when any second held more than the limit
 * allows, by a witness that may have seen requests as late as its own event loop was.
 */
async function measure(
  options: Run,
  { limit, workers, seconds }: { readonly limit: number; readonly workers: number; readonly seconds: number },
  meanwhile?: (workers: readonly Member[]) => Promise<void>,
): Promise<Result> {
  const steady = meanwhile === undefined
  const numbers = people(Math.ceil(limit * (seconds + 2)))
  // The endpoint itself would take more: what is too much must be seen, not refused and sent again.
  const stage = await Stage.set({
    seed: options.seed,
    messagesPerSecond: limit,
    endpointPerSecond: limit * 10,
    workers,
    simulator: { webhooks: { batchMax: 100 } },
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
    const { most, share } = measured(
      (await stage.witness.posts(campaign)).map(({ at }) => at),
      limit,
    )
    const allowed = Math.ceil(limit * (1 + witness.loopDelayMaxMs / 1_000))
    options.say(`${limit}/s, ${workers} workers: at most ${most} in a second (${allowed} allowed), ${percent(share)} %`)
    const name = `${limit}/s by ${workers}`
    return {
      figures: { [`${name}: most in a second`]: most, [`${name}: % of the limit`]: percent(share) },
      violations: [
        ...(most > allowed ? [`${name}: ${most} in a second, ${allowed} allowed`] : []),
        ...(steady && witness.loopDelayMaxMs <= CALM_MS && share < SHARE_LEAST
          ? [`${name}: ${percent(share)} % of the limit used on a calm machine`]
          : []),
      ],
    }
  } finally {
    await stage.clear()
  }
}

/** `times`: of arrival, ms, in order. */
function measured(times: readonly number[], limit: number): Measured {
  let most = 0
  let from = 0
  const open = limit >= MANY ? (times[0] ?? 0) + OPENING_MS : 0
  const judged = times.filter((time) => time >= open)
  for (const [index, time] of judged.entries()) {
    while (time - (judged[from] ?? 0) >= 1_000) from += 1
    most = Math.max(most, index - from + 1)
  }
  const [begin, end] = [(times[0] ?? 0) + EDGE_MS, (times.at(-1) ?? 0) - EDGE_MS]
  const within = times.filter((time) => time >= begin && time < end)
  const spanMs = (within.at(-1) ?? 0) - (within[0] ?? 0)
  return { most, share: (within.length - 1) / ((limit * spanMs) / 1_000) }
}

function percent(share: number): number {
  return Math.round(share * 1_000) / 10
}

/** Each worker in turn is killed and comes back. */
async function churn(workers: readonly Member[], seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1_000
  for (let turn = 0; performance.now() < end; turn++) {
    await sleep(1_500)
    workers[turn % workers.length]?.kill()
  }
}

/** Long enough that one message more or less is no percent, s. */
const SECONDS = { 10: 20, 80: 8, 1_000: 10 } as const

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
      add(await measure(options, { limit, workers, seconds: SECONDS[limit] }))
  const seconds = options.short ? 6 : 15
  add(
    await measure(options, { limit: 200, workers: 4, seconds }, async (workers) => await churn(workers, seconds)),
    'killed in turn, ',
  )
  return { figures, violations }
}

export const rate: Scenario = {
  name: 'rate',
  shows: 'from 10 to 1,000 a second, one to eight workers, also joining and dying: no second above the limit',
  long: true,
  alone: true,
  run,
}
