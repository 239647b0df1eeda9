import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { claimWindow, finishChunk, reapClaims, releaseUnknowns, settleRows } from './claims.ts'
import type { ClaimLedger } from './claims.ts'
import type { Move } from './decide.ts'
import { attemptsOf, DISPOSITIONS, dispositionOf, ledgerByte, STATE, stateOf } from './disposition.ts'
import { FACT } from './facts.ts'

const RUNS = 1_000
const CHUNK_ROWS = 6
const PATIENCE_MS = 2_000
const MARGIN_MS = 1_000
const LEASE_MS = 60_000
const START = 1_790_000_000_000

type Beginning = {
  readonly states: readonly number[]
  readonly notAfter?: number | null
  readonly onUnknown?: 'keep' | 'resend'
}

function ledgerOf({ states, notAfter = null, onUnknown = 'keep' }: Beginning): ClaimLedger {
  const counts = new Map<string, number>([['recipients', states.filter((byte) => byte !== 0).length]])
  for (const byte of states) {
    const disposition = dispositionOf(byte)
    if (disposition !== null) counts.set(disposition, (counts.get(disposition) ?? 0) + 1)
  }
  return {
    status: 'running',
    onUnknown,
    states: Uint8Array.from(states),
    facts: new Uint8Array(states.length),
    counts,
    retries: new Set(),
    unknowns: new Set(),
    chunkRows: CHUNK_ROWS,
    notAfter,
    claims: new Map(),
    barred: false,
    made: new Map(),
    lostSince: new Map(),
    dues: new Map(),
  }
}

function ask(token: string, now: number, more: Partial<Parameters<typeof claimWindow>[1]> = {}) {
  return {
    token,
    claimant: 'me',
    remembered: 0,
    chunk: 0,
    fromRow: 0,
    most: CHUNK_ROWS,
    bornAt: now,
    patienceMs: PATIENCE_MS,
    leaseMs: LEASE_MS,
    marginMs: MARGIN_MS,
    now,
    ...more,
  }
}

/** What a send-worker may do, die in the middle of, or do twice. `what` beyond a list's end wraps around. */
type Step =
  | {
      readonly kind: 'claim'
      readonly chunk: number
      readonly fromRow: number
      readonly most: number
      readonly delayMs: number
    }
  /** The POST of a claimed row: what the endpoint made of it, and what the worker was told. */
  | { readonly kind: 'post'; readonly which: number; readonly taken: boolean; readonly move: Move }
  /** The worker writes its outcome down, or a re-sent command writes it down again. */
  | { readonly kind: 'settle'; readonly which: number }
  | { readonly kind: 'reap' }
  | { readonly kind: 'finish'; readonly chunk: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'status'; readonly status: 'running' | 'paused' | 'canceled' }

/** Outcomes as `decide` makes them: only what was surely not sent comes back. */
const post: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('post' as const),
    which: fc.nat(),
    taken: fc.constant(true),
    move: fc.constantFrom<Move>(
      { kind: 'accepted', facts: 0 },
      { kind: 'accepted', facts: FACT.held },
      { kind: 'unknown' },
    ),
  }),
  fc.record({
    kind: fc.constant('post' as const),
    which: fc.nat(),
    taken: fc.constant(false),
    move: fc.constantFrom<Move>(
      { kind: 'unknown' },
      { kind: 'released' },
      { kind: 'rejected', code: 131026 },
      { kind: 'suppressed', code: 131050 },
      { kind: 'retry', due: START + 5_000, code: 131056 },
      { kind: 'retry', due: 0, code: 131056 },
    ),
  }),
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('claim' as const),
      chunk: fc.nat(1),
      fromRow: fc.nat(CHUNK_ROWS),
      most: fc.integer({ min: 1, max: 4 }),
      delayMs: fc.constantFrom(0, 0, 0, PATIENCE_MS, PATIENCE_MS + 1),
    }),
    weight: 6,
  },
  { arbitrary: post, weight: 10 },
  { arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat() }), weight: 12 },
  { arbitrary: fc.record({ kind: fc.constant('reap' as const) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('finish' as const), chunk: fc.nat(1) }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(100, 3_000, LEASE_MS + 1) }),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('status' as const),
      status: fc.constantFrom(
        ...(['running', 'running', 'running', 'running', 'running', 'paused', 'canceled'] as const),
      ),
    }),
    weight: 2,
  },
)

/** One POST that somebody may make: the row they hold, under which token, and what they will write down. */
type Held = {
  readonly token: string
  readonly chunk: number
  readonly row: number
  readonly claimedAt: number
  move: Move | null
}

/** Several workers at one campaign, as far as the ledger and the endpoint can see them. */
class World {
  readonly ledger: ClaimLedger
  now = START
  /** Messages the endpoint took, by ordinal. */
  readonly taken = new Map<number, number>()
  readonly held: Held[] = []
  #tokens = 0

  constructor(ledger: ClaimLedger) {
    this.ledger = ledger
  }

  do(what: Step): void {
    const { ledger } = this
    switch (what.kind) {
      case 'claim':
        return this.#claim(what)
      case 'post': {
        // The fence: nobody writes to a socket under a claim that has grown old.
        const held = this.#pick(
          what.which,
          ({ move, claimedAt }) => move === null && this.now - claimedAt <= PATIENCE_MS,
        )
        if (held === undefined) return
        held.move = what.move
        const ordinal = held.chunk * CHUNK_ROWS + held.row
        if (what.taken) this.taken.set(ordinal, (this.taken.get(ordinal) ?? 0) + 1)
        return
      }
      case 'settle': {
        const held = this.#pick(what.which, (candidate) => candidate.move !== null)
        if (held?.move != null) settleRows(ledger, held.token, held.chunk, [{ row: held.row, move: held.move }])
        return
      }
      case 'reap':
        reapClaims(ledger, this.now)
        return
      case 'finish':
        finishChunk(ledger, what.chunk, MARGIN_MS, this.now)
        return
      case 'wait':
        this.now += what.ms
        return
      case 'status':
        if (ledger.status !== 'completed' && ledger.status !== 'canceled') ledger.status = what.status
    }
  }

  #claim({ chunk, fromRow, most, delayMs }: Step & { kind: 'claim' }): void {
    const token = `t${this.#tokens++}`
    const answer = claimWindow(this.ledger, ask(token, this.now, { chunk, fromRow, most, bornAt: this.now - delayMs }))
    if (answer.kind !== 'claimed') return
    for (const { row } of answer.rows) this.held.push({ token, chunk, row, claimedAt: this.now, move: null })
  }

  #pick(which: number, fits: (held: Held) => boolean): Held | undefined {
    const fitting = this.held.filter(fits)
    return fitting[which % Math.max(1, fitting.length)]
  }
}

function expectSound({ ledger }: World): void {
  // Law 1, and each counter is what a recount finds.
  for (const disposition of DISPOSITIONS) {
    expect([disposition, ledger.counts.get(disposition) ?? 0]).toEqual([
      disposition,
      [...ledger.states].filter((byte) => dispositionOf(byte) === disposition).length,
    ])
  }
  // Whoever is `sending` is held by exactly one claim, under the number of this attempt.
  const holders = [...ledger.claims.values()].flatMap(({ chunk, rows }) =>
    [...rows].flatMap(([row, attempt]) => {
      const ordinal = chunk * CHUNK_ROWS + row
      return ledger.states[ordinal] === ledgerByte(STATE.sending, attempt) ? [{ ordinal, attempt }] : []
    }),
  )
  expect(new Set(holders.map(({ ordinal }) => ordinal)).size).toBe(holders.length)
  const sending = [...ledger.states].flatMap((byte, ordinal) =>
    stateOf(byte) === STATE.sending ? [{ ordinal, attempt: attemptsOf(byte) }] : [],
  )
  expect(holders.sort((a, b) => a.ordinal - b.ordinal)).toEqual(sending)
  const inState = (state: number): number[] =>
    [...ledger.states].flatMap((byte, ordinal) => (stateOf(byte) === state ? [ordinal] : []))
  expect([...ledger.retries].sort((a, b) => a - b)).toEqual(inState(STATE.waiting))
  expect([...ledger.unknowns].sort((a, b) => a - b)).toEqual(inState(STATE.unknown))
}

const everybodyPending = Array.from({ length: 2 * CHUNK_ROWS }, () => 1)

describe('any number of workers that die, freeze and repeat themselves', () => {
  test('law 4: with `keep` nobody is handed over twice', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const world = new World(ledgerOf({ states: everybodyPending }))
        for (const what of steps) world.do(what)
        expect([...world.taken].filter(([, messages]) => messages > 1)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })

  test('law 1: counts add up at every instant, and every claimed recipient has one holder', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const world = new World(ledgerOf({ states: everybodyPending }))
        for (const what of steps) {
          world.do(what)
          expectSound(world)
        }
      }),
      { numRuns: RUNS / 2 },
    )
  })

  test('whoever got a message is accepted, unknown or still claimed, never free to be sent to', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const world = new World(ledgerOf({ states: everybodyPending }))
        for (const what of steps) world.do(what)
        for (const ordinal of world.taken.keys()) {
          expect(['accepted', 'unknown', 'sending']).toContain(dispositionOf(world.ledger.states[ordinal] ?? 0))
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('when everything has been settled or given up, the last acceptance has been written down', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const world = new World(ledgerOf({ states: everybodyPending }))
        for (const what of steps) world.do(what)
        world.now += LEASE_MS + 1
        reapClaims(world.ledger, world.now)
        // Late settlements of workers that were only frozen.
        for (const { token, chunk, row, move } of world.held)
          if (move !== null) settleRows(world.ledger, token, chunk, [{ row, move }])
        expect(world.ledger.counts.get('sending') ?? 0).toBe(0)
        for (const { chunk, row, move } of world.held) {
          if (move?.kind === 'accepted')
            expect(dispositionOf(world.ledger.states[chunk * CHUNK_ROWS + row] ?? 0)).toBe('accepted')
        }
      }),
      { numRuns: RUNS },
    )
  })
})

describe('a claim', () => {
  const state = fc.constantFrom(
    0,
    1,
    1,
    1,
    ledgerByte(STATE.pending, 2),
    ledgerByte(STATE.sending, 1),
    ledgerByte(STATE.unknown, 1),
    ledgerByte(STATE.rejected, 1),
  )

  test('takes the first free rows from where it begins, as many as asked for, and says where to go on', () => {
    fc.assert(
      fc.property(
        fc.array(state, { minLength: 1, maxLength: CHUNK_ROWS }),
        fc.nat(CHUNK_ROWS),
        fc.integer({ min: 1, max: CHUNK_ROWS }),
        (states, fromRow, most) => {
          const ledger = ledgerOf({ states })
          const free = states.flatMap((byte, row) => (stateOf(byte) === STATE.pending && row >= fromRow ? [row] : []))
          const answer = claimWindow(ledger, ask('t', START, { fromRow, most }))
          const rows = free.slice(0, most).map((row) => ({ row, attempt: attemptsOf(states[row] ?? 0) + 1 }))
          expect(answer).toMatchObject({ kind: 'claimed', rows })
          // Nothing free lies between the last row taken and where the next question begins.
          if (answer.kind === 'claimed') expect(free[most] ?? CHUNK_ROWS).toBeGreaterThanOrEqual(answer.nextRow)
          for (const { row, attempt } of rows) expect(ledger.states[row]).toBe(ledgerByte(STATE.sending, attempt))
        },
      ),
    )
  })
})

describe('replays', () => {
  test('any step done twice is as if done once', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30, size: 'max' }),
        fc.nat(1),
        fc.integer({ min: 1, max: CHUNK_ROWS }),
        (steps, chunk, most) => {
          const world = new World(ledgerOf({ states: everybodyPending }))
          for (const what of steps) world.do(what)
          const { ledger, now } = world
          const once = claimWindow(ledger, ask('again', now, { chunk, most }))
          const after = structuredClone(ledger)
          const twice = claimWindow(ledger, ask('again', now, { chunk, most }))
          if (once.kind === 'claimed' && once.rows.length > 0)
            expect(twice).toMatchObject({ kind: 'claimed', rows: once.rows })
          expect(ledger).toEqual(after)
          if (once.kind !== 'claimed') return
          const outcomes = once.rows.map(({ row }, index) => ({
            row,
            move: MOVES[index % MOVES.length] ?? { kind: 'unknown' as const },
          }))
          settleRows(ledger, 'again', chunk, outcomes)
          const settled = structuredClone(ledger)
          settleRows(ledger, 'again', chunk, outcomes)
          expect(ledger).toEqual(settled)
        },
      ),
      { numRuns: RUNS / 2 },
    )
  })

  const MOVES: readonly Move[] = [
    { kind: 'accepted', facts: 0 },
    { kind: 'released' },
    { kind: 'unknown' },
    { kind: 'rejected', code: 100 },
    { kind: 'retry', due: START, code: 131056 },
  ]

  test('an old token takes nothing from the one that claimed after it', () => {
    const ledger = ledgerOf({ states: [1] })
    claimWindow(ledger, ask('old', START))
    settleRows(ledger, 'old', 0, [{ row: 0, move: { kind: 'released' } }])
    claimWindow(ledger, ask('new', START))
    expect(settleRows(ledger, 'old', 0, [{ row: 0, move: { kind: 'rejected', code: 100 } }])).toMatchObject({
      settled: 0,
      stale: 1,
    })
    expect(ledger.states[0]).toBe(ledgerByte(STATE.sending, 1))
  })
})

describe('when nothing may be claimed', () => {
  test('a question that is older than the patience is refused, whatever else holds', () => {
    const ledger = ledgerOf({ states: [1] })
    expect(claimWindow(ledger, ask('t', START, { bornAt: START - PATIENCE_MS })).kind).toBe('claimed')
    expect(claimWindow(ledgerOf({ states: [1] }), ask('t', START, { bornAt: START - PATIENCE_MS - 1 }))).toEqual({
      kind: 'late',
    })
  })

  test.each(['draft', 'scheduled', 'paused', 'canceled', 'completed'] as const)('a campaign that is %s', (status) => {
    const ledger = { ...ledgerOf({ states: [1] }), status }
    expect(claimWindow(ledger, ask('t', START))).toEqual({ kind: 'stopped', status })
  })

  test('the last claim comes the margin before the last safe moment, to the millisecond', () => {
    const notAfter = START + MARGIN_MS
    expect(claimWindow(ledgerOf({ states: [1], notAfter }), ask('t', START)).kind).toBe('claimed')
    expect(claimWindow(ledgerOf({ states: [1], notAfter }), ask('t', START + 1))).toEqual({ kind: 'expired' })
  })

  test('a retry before it is due, a recipient of whom a status has come, one with all attempts used', () => {
    const ledger = ledgerOf({ states: [ledgerByte(STATE.waiting, 1), 1, ledgerByte(STATE.pending, 15), 1] })
    ledger.retries.add(0)
    ledger.dues.set(0, START + 1)
    ledger.facts[1] = FACT.delivered
    expect(claimWindow(ledger, ask('t', START))).toMatchObject({ rows: [{ row: 3, attempt: 1 }] })
    expect(claimWindow(ledger, ask('u', START + 1))).toMatchObject({ rows: [{ row: 0, attempt: 2 }] })
  })
})

describe('leases', () => {
  test('a claim whose lease has died becomes unknown, never pending; one that lives is left alone', () => {
    const ledger = ledgerOf({ states: [1, 1] })
    claimWindow(ledger, ask('dead', START, { most: 1 }))
    claimWindow(ledger, ask('alive', START + 1, { fromRow: 1, most: 1 }))
    expect(reapClaims(ledger, START + LEASE_MS - 1)).toMatchObject({ claims: 0, lost: 0 })
    expect(reapClaims(ledger, START + LEASE_MS)).toMatchObject({ claims: 1, lost: 1 })
    expect([...ledger.states].map(dispositionOf)).toEqual(['unknown', 'sending'])
  })

  test('an acceptance that comes after that is still the truth; anything else comes too late', () => {
    for (const [move, disposition] of [
      [{ kind: 'accepted', facts: 0 }, 'accepted'],
      [{ kind: 'released' }, 'unknown'],
      [{ kind: 'rejected', code: 100 }, 'unknown'],
    ] as const) {
      const ledger = ledgerOf({ states: [1] })
      claimWindow(ledger, ask('t', START))
      reapClaims(ledger, START + LEASE_MS)
      settleRows(ledger, 't', 0, [{ row: 0, move }])
      expect(dispositionOf(ledger.states[0] ?? 0)).toBe(disposition)
    }
  })
})

describe('sending unknown messages again', () => {
  const gate = {
    windowMs: 10_000,
    webhooksUntil: START + 60_000,
    flowMs: 5_000,
    giveUpMs: 86_400_000,
    marginMs: MARGIN_MS,
    attemptsMax: 3,
  }

  function withOneUnknown(onUnknown: 'keep' | 'resend', attempts = 1): ClaimLedger {
    const ledger = ledgerOf({ states: [ledgerByte(STATE.unknown, attempts)], onUnknown })
    ledger.unknowns.add(0)
    ledger.lostSince.set(0, START)
    return ledger
  }

  const freedBy = (ledger: ClaimLedger, more: Partial<typeof gate & { now: number }>): number =>
    releaseUnknowns(ledger, { ...gate, now: START + 20_000, ...more }).freed

  test('only where the campaign says so', () => {
    expect(freedBy(withOneUnknown('keep'), {})).toBe(0)
    expect(freedBy(withOneUnknown('resend'), {})).toBe(1)
  })

  test.each([
    ['before its window is over', { now: START + gate.windowMs - 1 }, { now: START + gate.windowMs }],
    [
      'while webhooks have not been seen to flow after the attempt',
      { webhooksUntil: START + gate.flowMs - 1 },
      { webhooksUntil: START + gate.flowMs },
    ],
    [
      'when it is too long ago',
      { now: START + gate.giveUpMs },
      { now: START + gate.giveUpMs - 1, webhooksUntil: START + gate.giveUpMs },
    ],
  ])('not %s', (_when, not, but) => {
    expect(freedBy(withOneUnknown('resend'), not)).toBe(0)
    expect(freedBy(withOneUnknown('resend'), but)).toBe(1)
  })

  test('not more often than allowed, and the campaign ends then', () => {
    const ledger = withOneUnknown('resend', 3)
    expect(releaseUnknowns(ledger, { ...gate, now: START + 20_000 })).toEqual({ freed: 0, completed: true })
    expect(dispositionOf(ledger.states[0] ?? 0)).toBe('unknown')
  })

  test('not past the last safe moment', () => {
    const ledger = withOneUnknown('resend')
    ledger.notAfter = START + 20_000
    expect(releaseUnknowns(ledger, { ...gate, now: START + 20_000 })).toEqual({ freed: 0, completed: true })
  })
})

describe('the end of a campaign', () => {
  test('what was not sent expires or is canceled; what is claimed or unknown is left to its own end', () => {
    const states = [
      1,
      ledgerByte(STATE.waiting, 1),
      ledgerByte(STATE.sending, 1),
      ledgerByte(STATE.unknown, 1),
      ledgerByte(STATE.accepted, 1),
      0,
    ]
    const over = ledgerOf({ states, notAfter: START })
    finishChunk(over, 0, MARGIN_MS, START)
    expect([...over.states].map(dispositionOf)).toEqual(['expired', 'expired', 'sending', 'unknown', 'accepted', null])
    const canceled = { ...ledgerOf({ states }), status: 'canceled' as const }
    finishChunk(canceled, 0, MARGIN_MS, START)
    expect([...canceled.states].map(dispositionOf)).toEqual([
      'canceled',
      'canceled',
      'sending',
      'unknown',
      'accepted',
      null,
    ])
  })

  test('a campaign that goes on is left alone', () => {
    const ledger = ledgerOf({ states: [1], notAfter: START + MARGIN_MS })
    expect(finishChunk(ledger, 0, MARGIN_MS, START)).toBeNull()
    expect(dispositionOf(ledger.states[0] ?? 0)).toBe('pending')
  })
})
