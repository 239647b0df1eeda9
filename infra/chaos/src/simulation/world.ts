import { ledgerByte, PROOF, STATE, stateOf } from '@chasqui/delivery'
import type { ClaimAnswer, ClaimQuestion, QuietEnd, Settlement } from '@chasqui/delivery'

import { between } from '../random.ts'
import type { Random } from '../random.ts'
import { ModelEndpoint } from './endpoint.ts'
import type { Reply } from './endpoint.ts'
import { checkLedger, Violation } from './laws.ts'
import { ModelRedis } from './redis.ts'
import type { Stored } from './redis.ts'
import { CHUNK_ROWS, TIMES } from './rules.ts'
import type { Fault, Rules } from './rules.ts'
import { ModelWorker } from './worker.ts'
import type { Command } from './wire.ts'

/** Redis' time at the beginning, ms: any. */
const BEGINNING = 1_000_000
/** How often a snapshot is kept that Redis may be set back to, in steps. */
const SNAPSHOT_EVERY = 15
/** More than this and something will never end. */
const SETTLING_STEPS = 20_000
/** A day after 131049; a machine that was suspended has a clock that is behind until Redis speaks next. */
const ECOSYSTEM_WAIT_MS = 86_400_000 - 60_000
/** Two windows and some sweeps: what is not made up for by then is not at all. */
const LAST_WAIT_MS = 2 * TIMES.resendWindow + 4 * TIMES.sweepEvery
/** A wait longer than this is not lived through beat by beat. */
const LONG_WAIT_MS = 60_000

/** One simulated installation. All chance comes from `random`, all time from `now`: a seed is a history. */
export class World {
  readonly rules: Rules
  readonly random: Random
  now = BEGINNING
  readonly notAfter: number | null
  readonly redis: ModelRedis
  readonly endpoint: ModelEndpoint
  /** What lies in broken connections and may reach Redis yet. */
  readonly ghosts: Command[] = []
  /** Steps taken, by kind: to see that a simulation does not idle. */
  readonly tally = { steps: 0, claims: 0, posts: 0, faults: 0, rollbacks: 0, blindPosts: 0, quietEnds: 0 }
  #workers: ModelWorker[] = []
  #workersMade = 0
  #statusWorkerUp = true
  /** When Redis was set back; `null`: it was not. */
  #rolledBackTo: number | null = null
  #nextNote = 0
  readonly #snapshots: Stored[] = []
  readonly #optedOutAt = new Map<number, number>()
  readonly #claimedAt = new Map<string, number>()
  /** Tokens of claims made from a ledger that had gone backwards. */
  readonly #claimedBackwards = new Set<string>()
  /** What a worker was told is written down, by ordinal. */
  readonly #acknowledged = new Map<number, number>()
  /** When a worker was told that Redis has a refusal by 131049, by ordinal. */
  readonly #limitedAt = new Map<number, number>()
  /** Facts that were answered 200, by ordinal. */
  readonly #told: Uint8Array

  constructor(rules: Rules, random: Random) {
    this.rules = rules
    this.random = random
    this.redis = new ModelRedis(rules, BEGINNING, () => this.now)
    const { ledger } = this.redis.stored
    this.notAfter = ledger.notAfter
    this.endpoint = new ModelEndpoint(rules, random, ledger.states.length)
    this.#told = new Uint8Array(ledger.states.length)
    for (let id = 0; id < rules.workers; id++) this.#hire()
  }

  /** One thing happens: time passes, somebody does the next of the things he could do, or something goes wrong. */
  step(): void {
    this.tally.steps += 1
    const { faults, trouble } = this.rules
    if (faults.length > 0 && this.random() < trouble) {
      this.tally.faults += 1
      this.#goWrong(faults[Math.floor(this.random() * faults.length)] ?? 'cut')
    } else {
      this.#goOn()
    }
    if (this.tally.steps % SNAPSHOT_EVERY === 0) this.#snapshots.push(this.redis.snapshot())
    checkLedger(this.redis.stored.ledger)
  }

  /** Nothing goes wrong any more: everybody works until nothing is left to do. */
  settleDown(): void {
    this.#statusWorkerUp = true
    if (this.redis.stored.ledger.status === 'paused') this.#move('running')
    this.redis.stored.ledger.barred = false
    let quietSince: number | null = null
    for (let step = 0; step < SETTLING_STEPS; step++) {
      this.#sleepUntilTomorrow()
      this.#goOn()
      checkLedger(this.redis.stored.ledger)
      quietSince = this.#isQuiet() ? (quietSince ?? this.now) : null
      if (quietSince !== null && !this.#awaitsResend(quietSince)) return this.#checkEnd()
    }
    throw new Violation('liveness', `still not at rest: ${JSON.stringify([...this.redis.stored.ledger.counts])}`)
  }

  // What workers ask of the world.

  claim(ask: Omit<ClaimQuestion, 'now' | 'patienceMs'>): ClaimAnswer {
    const { ledger } = this.redis.stored
    const known = ledger.claims.has(ask.token)
    const before = ledger.states.slice(ask.chunk * CHUNK_ROWS, (ask.chunk + 1) * CHUNK_ROWS)
    const { status, barred } = ledger
    const dues = new Map(ledger.dues)
    const answer = this.redis.claim(ask)
    if (known || answer.kind !== 'claimed') return answer
    if (answer.rows.length === 0) return answer
    this.tally.claims += 1
    this.#claimedAt.set(ask.token, this.now)
    if (this.#rolledBackTo !== null) this.#claimedBackwards.add(ask.token)
    if (status !== 'running') throw new Violation('law 4', `claimed while ${status}`)
    if (barred) throw new Violation('law 4', 'claimed while its sender is paused')
    if (this.now - ask.bornAt > TIMES.claimPatience)
      throw new Violation('law 4', 'a claim was made long after it was asked for')
    if (this.notAfter !== null && this.now + TIMES.margin > this.notAfter)
      throw new Violation('law 4', 'claimed too late')
    for (const { row } of answer.rows) {
      const was = stateOf(before[row] ?? 0)
      const ordinal = ask.chunk * CHUNK_ROWS + row
      if (was !== STATE.pending && was !== STATE.waiting)
        throw new Violation('law 4', `claimed although in state ${was}`)
      if (was === STATE.waiting && (dues.get(ordinal) ?? 0) > this.now)
        throw new Violation('law 4', 'claimed before its time')
      if (((ledger.facts[ordinal] ?? 0) & PROOF) !== 0) throw new Violation('law 4', 'claimed although proven sent')
    }
    return answer
  }

  /** @param couldNotice the worker remembers that Redis was further, and what it did since must have told it. */
  post(token: string, ordinal: number, attempt: number, couldNotice: boolean): Reply {
    this.tally.posts += 1
    if (this.#rolledBackTo === null) this.#mayPost(token, ordinal)
    else if (this.#claimedBackwards.has(token)) {
      // Who remembers more must have noticed. Others cannot know before those have said so.
      if (couldNotice) throw new Violation('rollback', 'sent from a ledger that it knows has gone backwards')
      this.tally.blindPosts += 1
    }
    const { posts, taken } = this.endpoint
    const reply = this.endpoint.receive(ordinal, attempt, this.now)
    if (this.#rolledBackTo !== null) return reply
    if ((taken[ordinal] ?? 0) > 1) throw new Violation('law 4', `recipient ${ordinal} was sent to twice`)
    const first = posts[posts.length - 1 - this.rules.limit]
    if (first !== undefined && this.now - first < 1_000)
      throw new Violation('law 5', `more than ${this.rules.limit} in ${this.now - first} ms`)
    return reply
  }

  /** @param quiet what a worker knows of the end of the campaign. */
  release(webhooksUntil: number, quiet: QuietEnd | undefined): void {
    const { freed } = this.redis.release(webhooksUntil, quiet)
    if (freed > 0 && quiet !== undefined) this.tally.quietEnds += freed
  }

  #mayPost(token: string, ordinal: number): void {
    const optedOutAt = this.#optedOutAt.get(ordinal)
    if (optedOutAt !== undefined && optedOutAt <= (this.#claimedAt.get(token) ?? 0))
      throw new Violation('law 4', 'sent although opted out before the claim')
    if (this.notAfter !== null && this.now > this.notAfter)
      throw new Violation('law 4', `sent ${this.now - this.notAfter} ms after the last safe moment`)
    const waited = this.now - (this.#limitedAt.get(ordinal) ?? -Infinity)
    if (waited < ECOSYSTEM_WAIT_MS) throw new Violation('law 4', `sent ${waited} ms after 131049`)
  }

  /** A worker was told that Redis has this. */
  settled(chunk: number, rows: readonly Settlement[], settled: number): void {
    if (settled < rows.length) return
    for (const { row, move } of rows) {
      if (move.kind === 'accepted') this.#acknowledged.set(chunk * CHUNK_ROWS + row, STATE.accepted)
      if (move.kind === 'rejected') this.#acknowledged.set(chunk * CHUNK_ROWS + row, STATE.rejected)
      if (move.kind === 'retry' && move.code === 131049) this.#limitedAt.set(chunk * CHUNK_ROWS + row, this.now)
    }
  }

  // How it goes on.

  /** Somebody does the next of the things he could do: promptly, as a rule. When nobody can do anything, time passes. */
  #goOn(): void {
    const lot = this.random()
    if (lot < 0.9) this.now += lot * 0.3
    else if (lot < 0.99) this.now += lot * 15
    else this.now += lot * 1_000
    for (const worker of this.#workers) worker.giveUpCommands()
    const choices = this.#choices()
    if (choices.length === 0) this.now = Math.max(this.now, this.#nextTime())
    choices[Math.floor(this.random() * choices.length)]?.()
  }

  #nextTime(): number {
    let next = this.now + 60_000
    for (const worker of this.#workers) next = Math.min(next, worker.nextTime())
    if (this.#statusWorkerUp) next = Math.min(next, this.#nextNote)
    for (const { dueAt } of this.endpoint.webhooks) next = Math.min(next, dueAt)
    return next
  }

  #choices(): Array<() => void> {
    const list: Array<() => void> = []
    for (const worker of this.#workers) worker.choices(list)
    if (this.ghosts.length > 0)
      list.push(() => void this.ghosts.splice(Math.floor(this.random() * this.ghosts.length), 1)[0]?.run())
    const { webhooks } = this.endpoint
    const due = webhooks.findIndex(({ dueAt }) => dueAt <= this.now)
    if (due >= 0 && !this.#statusWorkerUp) list.push(() => this.#refuse(due))
    if (this.#statusWorkerUp && this.now >= this.#nextNote) list.push(() => this.#noteReceiver())
    if (this.#statusWorkerUp) {
      if (due >= 0) list.push(() => this.#take(due))
      if (this.redis.stored.log.length > 0) list.push(() => this.#fold())
    }
    return list
  }

  /** The status-worker answers 200: from here on it must not be lost. */
  #take(index: number): void {
    const [webhook] = this.endpoint.webhooks.splice(index, 1)
    if (webhook === undefined) return
    const { stored } = this.redis
    stored.log.push(webhook)
    this.#told[webhook.lesson.ordinal] = (this.#told[webhook.lesson.ordinal] ?? 0) | webhook.lesson.facts
  }

  #noteReceiver(): void {
    this.#nextNote = this.now + TIMES.noteReceiverEvery
    this.redis.noteReceiver()
  }

  /** Nobody is there: it comes again, later each time. */
  #refuse(index: number): void {
    const webhook = this.endpoint.webhooks[index]
    if (webhook !== undefined) webhook.dueAt = this.now + 100 + (this.now - webhook.eventAt) * (0.5 + this.random())
  }

  /** Some of the log is folded, in no order, and sometimes again: it was not acknowledged in time. */
  #fold(): void {
    const { log } = this.redis.stored
    const some = between(this.random, 1, log.length)
    this.redis.fold(log.slice(0, some))
    if (this.random() < 0.7) log.splice(0, some)
    else log.reverse()
  }

  #goWrong(fault: Fault): void {
    const worker = this.#workers[Math.floor(this.random() * this.#workers.length)]
    switch (fault) {
      case 'crash':
        if (worker === undefined) return
        worker.crash()
        this.#workers = this.#workers.filter((other) => other !== worker)
        return this.#hire()
      case 'freeze':
        return worker?.freeze(this.random() ** 3 * 20_000, this.random() < 0.2)
      case 'cut':
        return worker?.cut()
      case 'skew':
        return worker?.jump((this.random() - 0.5) * 7_200_000)
      case 'pause':
        return this.#move(this.redis.stored.ledger.status === 'paused' ? 'running' : 'paused')
      case 'pause_sender':
        this.redis.stored.ledger.barred = !this.redis.stored.ledger.barred
        return
      case 'cancel':
        return this.random() < 0.1 ? this.#move('canceled') : undefined
      case 'opt_out': {
        const ordinal = between(this.random, 0, this.rules.recipients - 1)
        this.redis.stored.suppressed.add(ordinal)
        if (!this.#optedOutAt.has(ordinal)) this.#optedOutAt.set(ordinal, this.now)
        return
      }
      case 'status_worker_down':
        this.#statusWorkerUp = !this.#statusWorkerUp
        return
      case 'rollback':
        return this.#rollBack()
    }
  }

  #hire(): void {
    this.#workers.push(new ModelWorker(this, this.#workersMade++))
  }

  #move(to: 'running' | 'paused' | 'canceled'): void {
    const { ledger } = this.redis.stored
    if (ledger.status === 'running' || ledger.status === 'paused') ledger.status = to
  }

  /** Redis comes back as it was: as a rule connections break, and only those who remember can tell. */
  #rollBack(): void {
    const snapshot = this.#snapshots.at(-between(this.random, 1, 3))
    if (snapshot === undefined || this.#rolledBackTo !== null) return
    const lostBeats = (worker: ModelWorker): boolean => worker.remembersBeat > (snapshot.beats.get(worker.id) ?? 0)
    const lostClaims = (worker: ModelWorker): boolean =>
      worker.remembersClaims > (snapshot.ledger.made.get(String(worker.id)) ?? 0)
    if (!this.#workers.some((worker) => lostBeats(worker) || lostClaims(worker))) return
    // Behind a proxy, or in a cluster whose other shards stayed, no connection breaks: then the claim itself must tell.
    const proxied = this.random() < 0.3
    for (const worker of this.#workers) {
      worker.couldNotice = lostClaims(worker) || (!proxied && lostBeats(worker))
      if (!proxied) worker.cut()
    }
    this.tally.rollbacks += 1
    this.redis.stored = snapshot
    this.#rolledBackTo = this.now
    this.ghosts.length = 0
  }

  // The end.

  /** Nobody is left but people whom 131049 made wait: the day passes at once, beats and all. */
  #sleepUntilTomorrow(): void {
    const { ledger, log, receiver } = this.redis.stored
    if (this.endpoint.webhooks.length > 0 || log.length > 0 || this.ghosts.length > 0) return
    if (ledger.claims.size > 0 || ledger.dues.size === 0) return
    if (ledger.dues.size < count(ledger.counts, 'pending')) return
    const due = Math.min(...ledger.dues.values())
    if (due - this.now < LONG_WAIT_MS) return
    this.now = due
    // Status-workers went on beating, of course.
    if (receiver !== null) receiver.seen = this.now
  }

  /** Lost answers may yet be made up for, by what statuses said. */
  #awaitsResend(quietSince: number): boolean {
    const { ledger } = this.redis.stored
    if (ledger.status !== 'running' || ledger.onUnknown !== 'resend' || ledger.unknowns.size === 0) return false
    return this.#rolledBackTo === null && this.now - quietSince < LAST_WAIT_MS
  }

  #isQuiet(): boolean {
    const { ledger, log } = this.redis.stored
    if (this.endpoint.webhooks.length > 0 || log.length > 0 || this.ghosts.length > 0) return false
    if (this.#rolledBackTo !== null) return ledger.claims.size === 0
    if (ledger.claims.size > 0) return false
    return count(ledger.counts, 'pending') + count(ledger.counts, 'sending') === 0
  }

  #checkEnd(): void {
    if (this.#rolledBackTo !== null) return
    const { ledger } = this.redis.stored
    for (let ordinal = 0; ordinal < this.rules.recipients; ordinal++) {
      const byte = ledger.states[ordinal] ?? 0
      const state = stateOf(byte)
      const taken = (this.endpoint.taken[ordinal] ?? 0) > 0
      const told = this.#told[ordinal] ?? 0
      if (ledger.facts[ordinal] !== told)
        throw new Violation('law 6', `facts ${ledger.facts[ordinal]} of ${told} answered 200`)
      if (state === STATE.accepted && !taken) throw new Violation('law 6', 'accepted, but never taken')
      if (taken && state !== STATE.accepted && state !== STATE.unknown)
        throw new Violation('law 6', `taken, but in state ${state}`)
      if (told !== 0 && state !== STATE.accepted) throw new Violation('law 6', `proven, but in state ${state}`)
      const acknowledged = this.#acknowledged.get(ordinal)
      if (acknowledged !== undefined && state !== acknowledged && state !== STATE.accepted)
        throw new Violation(
          'law 6',
          `written down as ${acknowledged}, found as ${byte} (${ledgerByte(STATE.accepted, 1)})`,
        )
    }
  }
}

function count(counts: ReadonlyMap<string, number>, field: string): number {
  return counts.get(field) ?? 0
}
