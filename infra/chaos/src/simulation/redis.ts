import {
  claimWindow,
  finishChunk,
  foldInto,
  ledgerByte,
  mergeLessons,
  reapClaims,
  releaseUnknowns,
  settleRows,
  STATE,
  stateOf,
  TOLD,
} from '@chasqui/delivery'
import type {
  ClaimAnswer,
  ClaimLedger,
  ClaimQuestion,
  EndView,
  Lesson,
  PermitAnswer,
  PermitQuestion,
  QuietEnd,
  Settlement,
} from '@chasqui/delivery'

import { CHUNK_ROWS, TIMES } from './rules.ts'
import type { Rules } from './rules.ts'
import { grantSlots, newPace, slowSender } from './slots.ts'
import type { Pace } from './slots.ts'

/** All that a crash of Redis keeps and a rollback takes back. */
export type Stored = {
  ledger: ClaimLedger
  pace: Pace
  heart: { epoch: number; quarantine: string | null }
  /** Each worker's own. */
  beats: Map<number, number>
  suppressed: Set<number>
  webhooksUntil: number
  /** When webhooks were last taken, and since when their silence means something; `null`: never. */
  receiver: { seen: number; steady: number } | null
  /** Webhooks answered 200 and not folded yet. */
  log: Told[]
}

/** A status and when what it tells of happened, ms. */
export type Told = { readonly lesson: Lesson; readonly eventAt: number }

export type Beat = { readonly epoch: number; readonly beat: number; readonly quarantine: string | null }

/** The pure models behind one door, as a server that does one thing after the other. */
export class ModelRedis {
  stored: Stored
  readonly #now: () => number

  constructor(rules: Rules, beginning: number, now: () => number) {
    this.#now = now
    this.stored = {
      ledger: newLedger(rules, beginning),
      pace: newPace(),
      heart: { epoch: 0, quarantine: null },
      beats: new Map(),
      suppressed: new Set(),
      webhooksUntil: 0,
      receiver: null,
      log: [],
    }
  }

  snapshot(): Stored {
    return structuredCloneOf(this.stored)
  }

  /** beat.lua */
  beat(worker: number, remembered: Pick<Beat, 'epoch' | 'beat'> | null): Beat {
    const known = this.stored.beats.get(worker) ?? 0
    const isBehind = this.stored.heart.epoch <= (remembered?.epoch ?? 0) && known < (remembered?.beat ?? 0)
    const beat = isBehind ? known : known + 1
    this.stored.beats.set(worker, beat)
    return { ...this.stored.heart, beat }
  }

  claim(ask: Omit<ClaimQuestion, 'now' | 'patienceMs'>): ClaimAnswer {
    return claimWindow(this.stored.ledger, { ...ask, patienceMs: TIMES.claimPatience, now: this.#now() })
  }

  settle(token: string, chunk: number, rows: readonly Settlement[]): { readonly settled: number } {
    return settleRows(this.stored.ledger, token, chunk, rows)
  }

  reap(): void {
    reapClaims(this.stored.ledger, this.#now())
  }

  release(webhooksUntil: number, quiet?: QuietEnd): { readonly freed: number } {
    return releaseUnknowns(this.stored.ledger, {
      quiet,
      windowMs: TIMES.resendWindow,
      webhooksUntil,
      flowMs: TIMES.flow,
      giveUpMs: TIMES.giveUp,
      marginMs: TIMES.margin,
      attemptsMax: TIMES.attemptsMax,
      now: this.#now(),
    })
  }

  /** told.ts and senders.ts: what a sweep asks before it sends anybody again. */
  viewEnd(): Pick<EndView, 'accepted' | 'nothingOpen' | 'webhooksUntil'> & { readonly allTold: boolean } {
    const { ledger, webhooksUntil } = this.stored
    const of = (field: string): number => ledger.counts.get(field) ?? 0
    const isUntold = (byte: number, ordinal: number): boolean =>
      stateOf(byte) === STATE.accepted && ((ledger.facts[ordinal] ?? 0) & TOLD) === 0
    return {
      accepted: of('accepted'),
      nothingOpen: of('pending') + of('sending') === 0,
      webhooksUntil,
      allTold: !ledger.states.some(isUntold),
    }
  }

  finish(chunk: number): void {
    finishChunk(this.stored.ledger, chunk, TIMES.margin, this.#now())
  }

  /** An answer with its moment, as the script gives it. */
  grant(ask: Omit<PermitQuestion, 'nowUs'>): PermitAnswer & { readonly nowUs: number } {
    const nowUs = Math.round(this.#now() * 1_000)
    return { ...grantSlots(this.stored.pace, { ...ask, nowUs }), nowUs }
  }

  /** note-receiver.lua */
  noteReceiver(): void {
    const now = this.#now()
    const { seen, steady } = this.stored.receiver ?? { seen: now, steady: now }
    const gap = now - seen
    this.stored.receiver = { seen: now, steady: gap > TIMES.receiverGap ? Math.max(steady, now + 2 * gap) : steady }
  }

  slow(kind: 'throttle' | 'rest', restMs: number): void {
    slowSender(this.stored.pace, kind, restMs, this.#now())
  }

  fold(told: readonly Told[]): void {
    foldInto(this.stored.ledger, mergeLessons(told.map(({ lesson }) => lesson)))
    for (const { eventAt } of told) this.stored.webhooksUntil = Math.max(this.stored.webhooksUntil, eventAt)
  }
}

function newLedger(rules: Rules, beginning: number): ClaimLedger {
  const chunks = Math.ceil(rules.recipients / CHUNK_ROWS)
  const states = new Uint8Array(chunks * CHUNK_ROWS)
  states.fill(ledgerByte(STATE.pending, 0), 0, rules.recipients)
  return {
    status: 'running',
    onUnknown: rules.onUnknown,
    states,
    facts: new Uint8Array(states.length),
    counts: new Map([
      ['recipients', rules.recipients],
      ['pending', rules.recipients],
    ]),
    retries: new Set(),
    unknowns: new Set(),
    chunkRows: CHUNK_ROWS,
    notAfter: rules.notAfter === null ? null : beginning + rules.notAfter,
    claims: new Map(),
    barred: false,
    made: new Map(),
    lostSince: new Map(),
    dues: new Map(),
  }
}

/** By hand: `structuredClone` costs more than all other steps together. */
function structuredCloneOf({ ledger, pace, heart, beats, suppressed, webhooksUntil, receiver, log }: Stored): Stored {
  return {
    ledger: {
      ...ledger,
      states: ledger.states.slice(),
      facts: ledger.facts.slice(),
      counts: new Map(ledger.counts),
      retries: new Set(ledger.retries),
      unknowns: new Set(ledger.unknowns),
      claims: new Map([...ledger.claims].map(([token, claim]) => [token, { ...claim, rows: new Map(claim.rows) }])),
      made: new Map(ledger.made),
      lostSince: new Map(ledger.lostSince),
      dues: new Map(ledger.dues),
    },
    pace: { ...pace, permits: structuredClone(pace.permits) },
    heart: { ...heart },
    beats: new Map(beats),
    suppressed: new Set(suppressed),
    webhooksUntil,
    receiver: receiver === null ? null : { ...receiver },
    log: [...log],
  }
}
