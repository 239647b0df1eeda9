import { Failure } from './failure.ts'
import { isRecord } from './problem.ts'

/** `GET /v1/campaigns/{id}`, as far as it is shown to people. Fields that a newer API adds are not looked at. */
export type Report = {
  readonly id: string
  readonly name: string
  readonly sender: string
  readonly status: string
  readonly reason: string | null
  readonly times: Readonly<Record<string, string>>
  readonly counts: Numbers
  readonly delivery: Numbers
  readonly errors: Numbers
  readonly route: Numbers
  readonly replies: Numbers
  /** Recipients whose answer was lost, by what settled them; `kept`: nothing has. */
  readonly lost: Numbers
  /** Recipients that are proven to have got two messages. */
  readonly duplicates: number
  /** `null` from an API that does not tell it. */
  readonly cost: Cost | null
  readonly intake: Numbers
  readonly finishAt: string | null
  readonly limitedBy: string
  readonly runs: ReadonlyArray<{ readonly id: string; readonly at: string }>
}

/** What the delivered messages cost. Without a rate card there is no currency and no amount. */
export type Cost = {
  readonly currency: string | null
  readonly amount: string | null
  readonly billable: number
  readonly unpriced: number
  readonly free: number
  readonly untold: number
}

export type Numbers = Readonly<Record<string, number>>

const TIMES = ['createdAt', 'startAt', 'launchedAt', 'endedAt', 'notAfter'] as const

/** @throws Failure when the answer is none that this version understands. */
export function readReport(answer: unknown): Report {
  if (!isRecord(answer) || typeof answer['id'] !== 'string' || typeof answer['status'] !== 'string')
    throw new Failure('unavailable', "the API's answer is no campaign that this version of chasqui understands")
  const forecast = isRecord(answer['forecast']) ? answer['forecast'] : {}
  const times = TIMES.flatMap((name) => {
    const time = answer[name]
    return typeof time === 'string' ? [[name, time] as const] : []
  })
  return {
    id: answer['id'],
    name: string(answer['name']),
    sender: string(answer['sender']),
    status: answer['status'],
    reason: typeof answer['reason'] === 'string' ? answer['reason'] : null,
    times: Object.fromEntries(times),
    counts: numbers(answer['counts']),
    delivery: numbers(answer['delivery']),
    errors: numbers(answer['errors']),
    route: numbers(answer['route']),
    replies: numbers(answer['replies']),
    lost: numbers(answer['unknown']),
    duplicates: typeof answer['duplicates'] === 'number' ? answer['duplicates'] : 0,
    cost: costIn(answer['cost']),
    intake: numbers(answer['intake']),
    finishAt: typeof forecast['finishAt'] === 'string' ? forecast['finishAt'] : null,
    limitedBy: string(forecast['limitedBy']),
    runs: Array.isArray(answer['runs']) ? answer['runs'].filter(isRecord).map(runOf) : [],
  }
}

export function hasEnded({ status }: Pick<Report, 'status'>): boolean {
  return status === 'completed' || status === 'canceled'
}

/** Recipients that need nothing more from a sender. */
export function settledOf({ counts }: Pick<Report, 'counts'>): number {
  return (counts['recipients'] ?? 0) - (counts['pending'] ?? 0) - (counts['sending'] ?? 0)
}

function costIn(value: unknown): Cost | null {
  if (!isRecord(value)) return null
  const { billable = 0, unpriced = 0, free = 0, untold = 0 } = numbers(value)
  const text = (name: string): string | null => (typeof value[name] === 'string' ? value[name] : null)
  return { currency: text('currency'), amount: text('amount'), billable, unpriced, free, untold }
}

function runOf(run: Readonly<Record<string, unknown>>) {
  return { id: string(run['id']), at: string(run['at']) }
}

/** The fields that are numbers. */
export function numbers(value: unknown): Numbers {
  if (!isRecord(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  )
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
