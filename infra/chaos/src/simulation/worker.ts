import { decide, raiseFence, RedisClock, SlotBook, watchEnd } from '@chasqui/delivery'
import type {
  AskedAt,
  ClaimAnswer,
  EndView,
  Move,
  Outcome,
  QuietEnd,
  Settlement,
  Sighting,
  Slot,
} from '@chasqui/delivery'
import { ClaimMemory, hasGoneBackwards } from '@chasqui/store'

import { between, pick } from '../random.ts'
import type { Beat } from './redis.ts'
import { CHUNK_ROWS, TIMES } from './rules.ts'
import { Wire } from './wire.ts'
import type { World } from './world.ts'

type Row = {
  readonly row: number
  readonly attempt: number
  readonly slot: Slot
  phase: 'ready' | 'posted' | 'over'
}

/** One window of claimed recipients, from the question for slots to the last settlement. */
type Window = {
  readonly token: string
  readonly chunk: number
  readonly rows: Row[]
  fence: () => string | null
  gathered: Settlement[]
  unsettled: number
}

/** There is only one. */
const CAMPAIGN = 'the campaign'
const WINDOWS_MAX = 3
/** Nobody asks for a visit sooner, ms. */
const NOTHING_TO_SEND_MS = 500

/** A send-worker: what apps/send-worker/src/visit.ts, guard.ts and sweeper.ts do, over the same core. */
export class ModelWorker {
  readonly wire = new Wire()
  frozenUntil = 0
  alive = true
  /** When Redis went back, it remembered more than Redis came back with. */
  couldNotice = false
  readonly #world: World
  readonly #id: number
  /** Where its own clocks stand. */
  #wallSkew: number
  #monotonicLag: number
  #clock: RedisClock | null = null
  #forbidden: string | null = 'not checked yet'
  #connection = 0
  #remembered: Beat | null = null
  readonly #memory: ClaimMemory
  #suspicion: string | null = null
  #nextBeat = 0
  #beating = false
  #sweeping = false
  #sighting: Sighting | null = null
  #nextSweep = 0
  /** Nothing to send, or no slot, until then. */
  #idleUntil = 0
  #lostConnection = false
  #tokens = 0
  #asking = 0
  readonly #book = new SlotBook()
  #spare: Slot[] = []
  #windows: Window[] = []
  readonly #answers: Array<{ at: number; window: Window; row: Row; outcome: Outcome }> = []

  constructor(world: World, id: number) {
    this.#world = world
    this.#id = id
    this.#memory = new ClaimMemory(String(id))
    this.#wallSkew = world.random() < 0.1 ? pick(world.random, [-3_600_000, 3_600_000]) : 0
    this.#monotonicLag = world.now - world.random() * 1_000_000
    this.#start()
  }

  get id(): number {
    return this.#id
  }

  get remembersBeat(): number {
    return this.#remembered?.beat ?? 0
  }

  get remembersClaims(): number {
    return this.#memory.latest(CAMPAIGN)
  }

  /** What it could do now; an empty list while it is frozen. */
  choices(list: Array<() => void>): void {
    const world = this.#world
    if (this.wire.canExecute) list.push(() => this.wire.execute())
    if (world.now < this.frozenUntil) return
    if (this.#lostConnection) return void list.push(() => this.#noticeLoss())
    if (!this.wire.up) return void list.push(() => this.wire.reconnect())
    if (this.wire.canAnswer) list.push(() => this.wire.answer())
    if (this.#clock === null) return
    if (!this.#beating && world.now >= this.#nextBeat) list.push(() => this.#beat())
    if (!this.#sweeping && world.now >= this.#nextSweep) list.push(() => this.#sweep())
    if (this.#mayBegin && world.now >= this.#idleUntil) list.push(() => this.#begin())
    for (const window of this.#windows) {
      if (window.gathered.length > 0) list.push(() => this.#flush(window))
      const due = window.rows.find(({ phase, slot }) => phase === 'ready' && slot.at <= this.#monotonic())
      if (due !== undefined) list.push(() => this.#post(window, due))
    }
    const answer = this.#answers.find(({ at }) => at <= world.now)
    if (answer !== undefined) list.push(() => this.#hear(answer))
  }

  /** When it could do something next, if nothing else happens; some time in the past: now. */
  nextTime(): number {
    const { now } = this.#world
    if (now < this.frozenUntil) return this.frozenUntil
    if (this.#clock === null) return Infinity
    let next = Math.min(this.#beating ? Infinity : this.#nextBeat, this.#sweeping ? Infinity : this.#nextSweep)
    if (this.#mayBegin) next = Math.min(next, this.#idleUntil)
    for (const { at } of this.#answers) next = Math.min(next, at)
    for (const { rows } of this.#windows)
      for (const { phase, slot } of rows) if (phase === 'ready') next = Math.min(next, slot.at + this.#monotonicLag)
    return next
  }

  get #mayBegin(): boolean {
    return this.#forbidden === null && this.#asking + this.#windows.length < WINDOWS_MAX
  }

  /** Nothing happens by itself for a while; a suspended machine's monotonic clock stands still meanwhile. */
  freeze(ms: number, suspended: boolean): void {
    this.frozenUntil = this.#world.now + ms
    if (suspended) this.#monotonicLag += ms
  }

  jump(ms: number): void {
    this.#wallSkew += ms
  }

  cut(): void {
    if (!this.wire.up) return
    this.#lostConnection = true
    this.#world.ghosts.push(...this.wire.cut().filter(() => this.#world.random() < 0.5))
  }

  crash(): void {
    this.alive = false
    this.#world.ghosts.push(...this.wire.cut().filter(() => this.#world.random() < 0.5))
  }

  /** Callers do not wait for ever. */
  giveUpCommands(): void {
    if (this.#world.now >= this.frozenUntil) this.wire.giveUp(this.#world.now - TIMES.commandTimeout)
  }

  readonly #monotonic = (): number => this.#world.now - this.#monotonicLag
  readonly #wall = (): number => this.#world.now + this.#wallSkew

  #send<T>(run: () => T, answered: (result: T) => void, failed: () => void): void {
    this.wire.send(this.#world.now, run, (result) => answered(result as T), failed)
  }

  /** Every answer carries Redis' time of its making. */
  #ask<T>(run: () => T, answered: (result: T, stamp: number) => void, failed: () => void): void {
    this.#send(
      () => ({ result: run(), stamp: this.#world.now }),
      ({ result, stamp }) => {
        this.#clock?.observe(stamp)
        answered(result, stamp)
      },
      failed,
    )
  }

  // app.ts

  /** A worker that cannot learn the time ends, and is started again. */
  #start(): void {
    this.#send(
      () => this.#world.now,
      (stamp) => (this.#clock = new RedisClock(this.#monotonic, stamp)),
      () => this.#start(),
    )
  }

  // guard.ts

  #noticeLoss(): void {
    this.#lostConnection = false
    this.#connection += 1
    this.#forbidden = 'the connection to Redis has to be checked'
  }

  #beat(): void {
    this.#beating = true
    const connection = this.#connection
    const suspicion = this.#suspicion
    const remembered = this.#remembered
    this.#send(
      () => this.#world.redis.beat(this.#id, remembered),
      (beat) => {
        this.#beating = false
        this.#nextBeat = this.#world.now + TIMES.beatEvery
        if (hasGoneBackwards(this.#remembered, beat)) return this.#quarantine('Redis has gone backwards')
        this.#remembered = beat
        if (suspicion !== null) return this.#quarantine(suspicion)
        if (connection === this.#connection) this.#forbidden = this.#suspicion ?? beat.quarantine
      },
      () => {
        this.#beating = false
      },
    )
  }

  #suspect(why: string): void {
    this.#suspicion ??= why
    this.#forbidden = this.#suspicion
  }

  #quarantine(why: string): void {
    this.#forbidden = why
    this.#send(
      () => (this.#world.redis.stored.heart.quarantine = why),
      () => {},
      () => {},
    )
  }

  // pacer.ts

  #begin(): void {
    const now = this.#monotonic()
    const asked: AskedAt = { now, wall: this.#wall() }
    this.#spare = this.#spare.filter(({ latest }) => latest > now)
    if (this.#spare.length > 0) return this.#claim(this.#spare.splice(0, CHUNK_ROWS))
    this.#asking += 1
    const question = {
      wanted: between(this.#world.random, 1, CHUNK_ROWS),
      limit: this.#world.rules.limit,
      horizonUs: TIMES.horizon * 1_000,
      leadUs: TIMES.lead * 1_000,
      told: this.#book.told(asked.now, asked.wall),
    }
    this.#ask(
      () => this.#world.redis.grant(question),
      (answer) => {
        this.#asking -= 1
        const received: AskedAt = { now: this.#monotonic(), wall: this.#wall() }
        if (answer.kind === 'slots') this.#claim([...this.#book.granted(asked, received, answer)])
        else this.#idleUntil = this.#world.now + Math.min(answer.waitMs, 1_000)
      },
      () => {
        this.#asking -= 1
      },
    )
  }

  #missed(slot: Slot): string | null {
    return this.#book.use(slot, this.#monotonic(), this.#wall()) ? null : 'slot_missed'
  }

  // visit.ts

  #claim(slots: Slot[]): void {
    this.#asking += 1
    const chunks = this.#world.redis.stored.ledger.states.length / CHUNK_ROWS
    const chunk = between(this.#world.random, 0, chunks - 1)
    const token = `${this.#id}.${++this.#tokens}`
    const asked: AskedAt = { now: this.#monotonic(), wall: this.#wall() }
    const remembered = this.#memory.latest(CAMPAIGN)
    this.#askClaim({ token, remembered, chunk, slots, asked }, this.#clock?.now() ?? 0, false)
  }

  #askClaim(
    question: {
      readonly token: string
      readonly remembered: number
      readonly chunk: number
      readonly slots: Slot[]
      readonly asked: AskedAt
    },
    bornAt: number,
    lost: boolean,
  ): void {
    const { token, remembered, chunk, slots, asked } = question
    const ask = {
      token,
      claimant: this.#memory.claimant,
      remembered,
      chunk,
      fromRow: 0,
      most: slots.length,
      bornAt,
      leaseMs: TIMES.lease,
      marginMs: TIMES.margin,
    }
    this.#ask(
      () => this.#world.claim(ask),
      (answer, stamp) => {
        this.#asking -= 1
        if (this.#memory.hear(CAMPAIGN, token, remembered, answer)) this.#suspect('the ledger has forgotten claims')
        this.#claimed(
          question,
          answer,
          lost,
          raiseFence({ now: this.#monotonic, wall: this.#wall }, asked, stamp, this.#world.notAfter),
        )
      },
      () => this.#askClaim(question, 0, true),
    )
  }

  #claimed(
    { token, chunk, slots }: { readonly token: string; readonly chunk: number; readonly slots: Slot[] },
    answer: ClaimAnswer,
    lost: boolean,
    fence: () => string | null,
  ): void {
    const claimed = answer.kind === 'claimed' ? answer.rows : []
    this.#spare.push(...slots.slice(claimed.length))
    if (claimed.length === 0) {
      this.#idleUntil = this.#world.now + NOTHING_TO_SEND_MS * this.#world.random()
      return
    }
    const rows = claimed.map(({ row, attempt }, index): Row => {
      const slot = slots[index]
      if (slot === undefined) throw new Error('more rows than slots')
      return { row, attempt, slot, phase: 'over' }
    })
    const window: Window = { token, chunk, rows, fence, gathered: [], unsettled: rows.length }
    this.#windows.push(window)
    // A question whose answer was lost, or a connection that nobody has checked: nothing of it is sent.
    if (lost || this.#forbidden !== null) return this.#giveBack(window)
    const ordinals = rows.map(({ row }) => chunk * CHUNK_ROWS + row)
    this.#ask(
      () => ordinals.map((ordinal) => this.#world.redis.stored.suppressed.has(ordinal)),
      (optedOut) => {
        for (const [index, row] of rows.entries()) {
          if (optedOut[index] === true) this.#settleRow(window, row, { kind: 'suppressed', code: 0 })
          else row.phase = 'ready'
        }
      },
      () => this.#giveBack(window),
    )
  }

  #giveBack(window: Window): void {
    for (const row of window.rows) this.#settleRow(window, row, { kind: 'released' })
  }

  #post(window: Window, row: Row): void {
    const keptBack = this.#forbidden === null ? (window.fence() ?? this.#missed(row.slot)) : 'forbidden'
    if (keptBack !== null) return this.#conclude(window, row, { kind: 'held_back', reason: keptBack })
    row.phase = 'posted'
    const reply = this.#world.post(window.token, window.chunk * CHUNK_ROWS + row.row, row.attempt, this.couldNotice)
    this.#answers.push({ at: this.#world.now + reply.afterMs, window, row, outcome: reply.outcome })
  }

  #hear(answer: { at: number; window: Window; row: Row; outcome: Outcome }): void {
    this.#answers.splice(this.#answers.indexOf(answer), 1)
    this.#conclude(answer.window, answer.row, answer.outcome)
  }

  #conclude(window: Window, row: Row, outcome: Outcome): void {
    const { random, notAfter, rules } = this.#world
    const { move, effect } = decide(outcome, {
      attempt: row.attempt,
      now: this.#clock?.now() ?? 0,
      notAfter,
      random: random(),
      ecosystemLimitRetries: rules.ecosystemLimitRetries,
    })
    this.#settleRow(window, row, move)
    const nothing = (): void => {}
    if (effect.kind === 'throttle' || effect.kind === 'rest')
      this.#send(() => this.#world.redis.slow(effect.kind, 250), nothing, nothing)
    if (move.kind === 'suppressed') {
      const ordinal = window.chunk * CHUNK_ROWS + row.row
      this.#send(() => this.#world.redis.stored.suppressed.add(ordinal), nothing, nothing)
    }
  }

  // settler.ts

  #settleRow(window: Window, row: Row, move: Move): void {
    row.phase = 'over'
    window.gathered.push({ row: row.row, move })
  }

  #flush(window: Window): void {
    const rows = window.gathered
    window.gathered = []
    this.#ask(
      () => this.#world.redis.settle(window.token, window.chunk, rows),
      ({ settled }) => {
        this.#world.settled(window.chunk, rows, settled)
        window.unsettled -= rows.length
        if (window.unsettled === 0) this.#windows.splice(this.#windows.indexOf(window), 1)
      },
      () => (window.gathered = [...window.gathered, ...rows]),
    )
  }

  // sweeper.ts

  #sweep(): void {
    const { redis, rules } = this.#world
    const nothing = (): void => {}
    this.#sweeping = true
    this.#nextSweep = this.#world.now + TIMES.sweepEvery
    this.#send(() => redis.reap(), nothing, nothing)
    for (let chunk = 0; chunk * CHUNK_ROWS < redis.stored.ledger.states.length; chunk++)
      this.#send(() => redis.finish(chunk), nothing, nothing)
    const over = (): void => {
      this.#sweeping = false
    }
    if (rules.onUnknown === 'keep') return this.#send(nothing, over, over)
    this.#send(
      () => ({ receiver: redis.stored.receiver, end: redis.viewEnd() }),
      ({ receiver, end }) => {
        const at = this.#clock?.now() ?? 0
        const isThere = receiver !== null && at - receiver.seen <= TIMES.receiverGap
        const steadyForMs = isThere ? Math.max(0, at - receiver.steady) : 0
        const quiet = this.#quietEnd({ ...end, at, steadyForMs })
        const release =
          steadyForMs >= TIMES.resendWindow
            ? () => this.#world.release(end.webhooksUntil, quiet)
            : () => this.#world.release(0, undefined)
        this.#send(release, over, over)
      },
      over,
    )
  }

  // quiet-ends.ts

  #quietEnd(view: EndView & { readonly allTold: boolean }): QuietEnd | undefined {
    const verdict = watchEnd(this.#sighting, view, TIMES.resendWindow)
    if (verdict.kind === 'keep') return undefined
    const { at, accepted, webhooksUntil } = view
    this.#sighting = view.nothingOpen && view.allTold ? { at, accepted, webhooksUntil } : null
    return verdict.kind === 'through' ? { until: verdict.until, accepted } : undefined
  }
}
