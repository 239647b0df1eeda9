import { attemptsOf, decodeCallbackData, FACT, PROOF, STATE, stateOf } from '@chasqui/delivery'
import { countLedger } from '@chasqui/store'

import type { Post } from './witness.ts'

/** All that is known about one campaign when everything is at rest, from both sides. */
export type Evidence = {
  readonly onUnknown: 'keep' | 'resend'
  /** Last safe moment, ms; `null`: none. */
  readonly notAfter: number | null
  readonly states: Uint8Array
  readonly facts: Uint8Array
  readonly counts: Readonly<Record<string, number>>
  /** The people of each ordinal, E.164 with '+'; '' where nobody lives. */
  readonly people: readonly string[]
  /** The witness may have seen a request this much after it arrived, ms: a busy machine lets it wait. */
  readonly witnessDelayMs: number
  /** What the endpoint was asked for this campaign, in order of arrival. */
  readonly posts: readonly Post[]
}

export type Verdict = {
  readonly violations: readonly string[]
  readonly figures: {
    readonly recipients: number
    readonly accepted: number
    readonly unknown: number
    /** Messages that went to somebody who had one already. */
    readonly twice: number
    /** People who are neither sent to nor accounted for, and messages that nobody accounts for. */
    readonly lost: number
    /** Requests that arrived after the last safe moment. */
    readonly late: number
  }
}

/** The facts a webhook can tell, by the witness's names. */
const TOLD: Readonly<Record<string, number>> = {
  sent: FACT.sent,
  delivered: FACT.delivered,
  read: FACT.read,
  failed: FACT.failed,
  held: FACT.held,
  marketingLite: FACT.routeMarketingLite,
  fallback: FACT.routeMarketing,
}
const COMPARED = FACT.sent | FACT.delivered | FACT.read | FACT.failed
const EXAMPLES = 5

/** The one judge of all scenarios: what the ledger says, held against itself and against the witness. */
export function judge(evidence: Evidence): Verdict {
  const broken = new Broken()
  checkCounts(evidence, broken)
  const { attempts, taken, told } = readPosts(evidence, broken)
  let [lost, accepted, unknown] = [0, 0, 0]
  for (const [ordinal, byte] of evidence.states.entries()) {
    const state = stateOf(byte)
    if (state === STATE.absent) continue
    const messages = taken[ordinal] ?? 0
    const proven = ((told[ordinal] ?? 0) & PROOF) !== 0
    if (state === STATE.accepted) accepted += 1
    if (state === STATE.unknown) unknown += 1
    const wrong = contradiction(state, messages, proven)
    if (wrong !== null) {
      lost += 1
      broken.add(wrong, ordinal)
    }
    if ((attempts[ordinal] ?? 0) > attemptsOf(byte) && state !== STATE.pending && state !== STATE.waiting)
      broken.add('a request of an attempt that the ledger does not know', ordinal)
    if (((evidence.facts[ordinal] ?? 0) & COMPARED) !== ((told[ordinal] ?? 0) & COMPARED))
      broken.add('facts are not what webhooks told', ordinal)
  }
  const twice = taken.reduce((sum, messages) => sum + Math.max(0, messages - 1), 0)
  if (twice > 0)
    for (const [ordinal, messages] of taken.entries()) if (messages > 1) broken.add('sent to twice', ordinal)
  const { notAfter } = evidence
  const lateFrom = (notAfter ?? Infinity) + evidence.witnessDelayMs
  const late = evidence.posts.filter(({ at }) => at > lateFrom).length
  if (late > 0) broken.add(`requests after the last safe moment, by up to ${latest(evidence)} ms`, late)
  const recipients = countPeople(evidence)
  return { violations: broken.list(), figures: { recipients, accepted, unknown, twice, lost, late } }
}

function countPeople({ people }: Pick<Evidence, 'people'>): number {
  return people.filter((person) => person !== '').length
}

/** Law 1 at rest: the counters are what the bytes add up to, and nobody is on the way any more. */
function checkCounts({ states, facts, counts, people }: Evidence, broken: Broken): void {
  for (const [field, number] of countLedger(states, facts))
    if ((counts[field] ?? 0) !== number) broken.add(`${field} says ${counts[field] ?? 0}, the ledger ${number}`, 0)
  const recipients = countPeople({ people })
  if ((counts['recipients'] ?? 0) !== recipients)
    broken.add(`${counts['recipients'] ?? 0} recipients of ${recipients} taken in`, 0)
  for (const field of ['pending', 'sending'])
    if ((counts[field] ?? 0) !== 0) broken.add(`${counts[field]} are still ${field}`, 0)
}

/** Per ordinal: the highest attempt that may have been taken, messages taken, facts told. */
function readPosts({ posts, people, states }: Evidence, broken: Broken) {
  const attempts = new Uint8Array(states.length)
  const taken = new Uint8Array(states.length)
  const told = new Uint8Array(states.length)
  for (const post of posts) {
    const data = decodeCallbackData(post.callbackData)
    if (data === null || post.to !== people[data.ordinal]) {
      broken.add('a request that names nobody of the campaign', -1)
      continue
    }
    const { ordinal } = data
    // A refusal that says "not now" burns no attempt: the next request has the same number.
    if (post.outcome !== 'refused') attempts[ordinal] = Math.max(attempts[ordinal] ?? 0, data.attempt)
    if (post.processed) taken[ordinal] = (taken[ordinal] ?? 0) + 1
    for (const fact of post.told) told[ordinal] = (told[ordinal] ?? 0) | (TOLD[fact] ?? 0)
  }
  return { attempts, taken, told }
}

/** How a recipient's state contradicts what the witness saw; `null`: it does not. */
function contradiction(state: number, messages: number, proven: boolean): string | null {
  if (state === STATE.accepted) return messages === 0 ? 'accepted, but the endpoint has no message' : null
  if (state === STATE.unknown) return proven ? 'unknown, although a webhook told' : null
  // An answer that nobody heard is `unknown`, never one of these.
  return messages > 0 ? `sent to, but in state ${state}` : null
}

function latest({ posts, notAfter }: Evidence): string {
  return Math.max(...posts.map(({ at }) => at - (notAfter ?? 0))).toFixed(1)
}

/** What was found, by kind, with a few examples. */
class Broken {
  readonly #kinds = new Map<string, { count: number; readonly examples: number[] }>()

  add(kind: string, ordinal: number): void {
    const found = this.#kinds.get(kind) ?? { count: 0, examples: [] }
    found.count += 1
    if (found.examples.length < EXAMPLES) found.examples.push(ordinal)
    this.#kinds.set(kind, found)
  }

  list(): string[] {
    return [...this.#kinds].map(([kind, { count, examples }]) => `${count} × ${kind} (${examples.join(', ')})`)
  }
}
