import type { Move, QuietEnd } from '@chasqui/delivery'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

/** Recipients a chunk; `ordinal = chunk * CHUNK_ROWS + row`. Stored: never change it. */
export const CHUNK_ROWS = 500

const CLAIM = loadScript('claim-window')
const SETTLE = loadScript('settle-rows')
const REAP = loadScript('reap-claims')
const FINISH = loadScript('finish-chunk')
const RELEASE = loadScript('release-unknowns')
const CLOSE = loadScript('close-visit')
const FIND_FREE = loadScript('find-free')
const MARK_UNTRACED = loadScript('mark-untraced')

/** One claimed recipient: its row in the chunk and the number of this attempt, from 1. */
export type ClaimedRow = { readonly row: number; readonly attempt: number }

export type ClaimRequest = {
  readonly campaign: string
  readonly chunk: number
  /** Unguessable and unique to this claim. */
  readonly token: string
  /** Unique to the process that asks. */
  readonly claimant: string
  /** How many claims of this campaign it knows itself to have made: a ledger that knows of fewer has gone backwards. */
  readonly remembered: number
  readonly fromRow: number
  readonly most: number
  /** When the caller asks, ms by its estimate of Redis' clock. */
  readonly bornAt: number
  readonly leaseMs: number
  /** How much before the campaign's bound the last claim may be, ms. */
  readonly marginMs: number
}

export type ClaimReply =
  /** `serial`: which of the claimant's claims of this campaign it is, from 1; 0: nothing was claimed. */
  | {
      readonly kind: 'claimed'
      readonly now: number
      readonly rows: readonly ClaimedRow[]
      readonly nextRow: number
      readonly serial: number
    }
  /** The ledger has forgotten claims of the claimant's: Redis has gone backwards, and nothing was claimed. */
  | { readonly kind: 'backwards'; readonly now: number }
  /** The question lay in a dead connection for too long; nothing was claimed. */
  | { readonly kind: 'late'; readonly now: number }
  /** The campaign's last safe moment has passed. */
  | { readonly kind: 'expired'; readonly now: number }
  /** The campaign does not run; `status` says what it does. */
  | { readonly kind: 'stopped'; readonly now: number; readonly status: string }

export type SettledRow = { readonly row: number; readonly move: Move }
export type SettleReply = {
  readonly now: number
  readonly settled: number
  readonly stale: number
  readonly completed: boolean
}
export type ReapReply = {
  readonly now: number
  readonly claims: number
  readonly lost: number
  readonly completed: boolean
}
export type VisitClosed = {
  readonly now: number
  readonly free: number
  readonly waiting: number
  readonly sending: number
  /** When somebody should look at the chunk again, ms; `null`: never. */
  readonly nextLook: number | null
}

/** A recipient that nobody has claimed. */
export type FreePlace = { readonly chunk: number; readonly row: number }

/** When what is unknown may be sent again, where a campaign says so. Times in ms. */
export type ResendGate = {
  /** How long a status is waited for, from the attempt's beginning. */
  readonly windowMs: number
  /** The latest event of the sender that a webhook has told of. */
  readonly webhooksUntil: number
  /** Webhooks must have been seen to flow this long after the attempt. */
  readonly flowMs: number
  /** An attempt older than this is not made up for any more. */
  readonly giveUpMs: number
  readonly marginMs: number
  readonly attemptsMax: number
  /** The campaign runs alone and is at its end: what its own statuses say. */
  readonly quiet?: QuietEnd | undefined
}

/** Chunks in which a free recipient is looked for: a few µs each. */
const CHUNKS_SEARCHED = 16

/** A claim that arrives later than this does nothing (reliability: a command re-sent after a long reconnect), ms. */
export const CLAIM_PATIENCE_MS = 2_000

/** The record of who has been sent what: one byte a recipient, changed by scripts alone. */
export class Ledger {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /** Claim a window of a chunk before any POST. */
  async claim(request: ClaimRequest): Promise<ClaimReply> {
    const { campaign: id } = request
    const { retries, agenda, claimants, lapses } = this.#keys
    const keys = [...this.#core(id), retries(id), agenda(id), claimants(id), lapses(id)]
    const reply = await CLAIM.run(this.#client, keys, [
      request.token,
      request.chunk,
      request.fromRow,
      request.most,
      Math.floor(request.bornAt),
      CLAIM_PATIENCE_MS,
      request.leaseMs,
      request.marginMs,
      request.claimant,
      request.remembered,
    ])
    const [now, kind, detail, nextRow, serial] = reply as [number, string, string, number, number]
    switch (kind) {
      case 'claimed':
        return { kind, now, rows: parseRuns(detail), nextRow, serial }
      case 'backwards':
      case 'late':
      case 'expired':
        return { kind, now }
      default:
        return { kind: 'stopped', now, status: detail }
    }
  }

  /** Write down what became of claimed rows; may be asked again, and takes no row that the token does not hold. */
  async settle(campaign: string, chunk: number, token: string, rows: readonly SettledRow[]): Promise<SettleReply> {
    const keys = [...this.#core(campaign), this.#keys.retries(campaign), this.#keys.unknowns(campaign)]
    const [now, settled, stale, completed] = (await SETTLE.run(this.#client, keys, [
      token,
      chunk,
      packMoves(rows),
    ])) as [number, number, number, number]
    return { now, settled, stale, completed: completed === 1 }
  }

  /** Give up claims whose lease has died, at most `most` of them: their recipients become `unknown`. */
  async reap(campaign: string, most: number): Promise<ReapReply> {
    const keys = [...this.#core(campaign), this.#keys.retries(campaign), this.#keys.unknowns(campaign)]
    const [now, claims, lost, completed] = (await REAP.run(this.#client, keys, [most])) as [
      number,
      number,
      number,
      number,
    ]
    return { now, claims, lost, completed: completed === 1 }
  }

  /** Make recipients whose answer was lost free to be claimed again, at most `most`, if the campaign and the gate allow it. */
  async releaseUnknowns(
    campaign: string,
    gate: ResendGate,
    most: number,
  ): Promise<{ readonly freed: number; readonly completed: boolean }> {
    const { campaign: record, counts, states, unknowns, agenda } = this.#keys
    const keys = [record(campaign), counts(campaign), states(campaign), unknowns(campaign), agenda(campaign)]
    const { windowMs, webhooksUntil, flowMs, giveUpMs, marginMs, attemptsMax, quiet } = gate
    const args = [windowMs, webhooksUntil, flowMs, giveUpMs, marginMs, attemptsMax, most]
    const end = [quiet?.accepted ?? 0, quiet?.until ?? 0]
    const [, freed, completed] = (await RELEASE.run(this.#client, keys, [...args, ...end])) as [number, number, number]
    return { freed, completed: completed === 1 }
  }

  /** To be called before the first message of a campaign is claimed that is to leave without callback data. */
  async markUntraced(campaign: string): Promise<void> {
    await MARK_UNTRACED.run(this.#client, [this.#keys.campaign(campaign)], [])
  }

  /** End what a chunk of an expired or canceled campaign still has to send; `null` when it is neither. */
  async finishChunk(
    campaign: string,
    chunk: number,
    marginMs: number,
  ): Promise<{ readonly ended: number; readonly completed: boolean } | null> {
    const { campaign: record, counts, states, retries, agenda } = this.#keys
    const keys = [record(campaign), counts(campaign), states(campaign), retries(campaign), agenda(campaign)]
    const [, ended, completed] = (await FINISH.run(this.#client, keys, [chunk, marginMs])) as [number, number, number]
    return ended < 0 ? null : { ended, completed: completed === 1 }
  }

  /** Note when a chunk is to be looked at next. `againMs`: how soon where recipients are free but were not claimed. */
  async closeVisit(campaign: string, chunk: number, againMs: number): Promise<VisitClosed> {
    const { states, retries, leases, agenda } = this.#keys
    const keys = [states(campaign), retries(campaign), leases(campaign), agenda(campaign)]
    const reply = (await CLOSE.run(this.#client, keys, [chunk, againMs])) as [number, number, number, number, number]
    const [now, free, waiting, sending, next] = reply
    return { now, free, waiting, sending, nextLook: next === 0 ? null : next }
  }

  /** A recipient that is free to be claimed, in a chunk taken by chance; `null`: none was found in some of them. */
  async freePlace(campaign: string): Promise<FreePlace | null> {
    const { states, agenda } = this.#keys
    const reply = (await FIND_FREE.run(
      this.#client,
      [states(campaign), agenda(campaign)],
      [CHUNKS_SEARCHED],
    )) as number[]
    const [chunk, row] = reply
    return chunk === undefined || row === undefined ? null : { chunk, row }
  }

  /** Chunks that somebody should have looked at by `now` (ms), the longest overdue first. */
  async overdueChunks(campaign: string, now: number, most: number): Promise<number[]> {
    const chunks = await this.#client.zrangebyscore(this.#keys.agenda(campaign), '-inf', now, 'LIMIT', 0, most)
    return chunks.map(Number)
  }

  #core(id: string): string[] {
    const { campaign, counts, states, facts, claims, leases } = this.#keys
    return [campaign(id), counts(id), states(id), facts(id), claims(id), leases(id)]
  }
}

/** `first-last:attempt,…`, last included. */
function parseRuns(list: string): ClaimedRow[] {
  const rows: ClaimedRow[] = []
  if (list === '') return rows
  for (const run of list.split(',')) {
    const dash = run.indexOf('-')
    const colon = run.indexOf(':', dash)
    const attempt = Number(run.slice(colon + 1))
    const last = Number(run.slice(dash + 1, colon))
    for (let row = Number(run.slice(0, dash)); row <= last; row++) rows.push({ row, attempt })
  }
  return rows
}

/** By their number in settle-rows.lua, from 1. */
const MOVES: readonly Move['kind'][] = ['accepted', 'rejected', 'suppressed', 'unknown', 'retry', 'released']
const RUN_BYTES = 13

/** In order of rows, and those side by side of which the same became as one: the script's time goes by runs, not by rows. */
function packMoves(rows: readonly SettledRow[]): Buffer {
  const packed = Buffer.allocUnsafe(rows.length * RUN_BYTES)
  let end = 0
  let last: SettledRow | null = null
  for (const settled of rows.toSorted((one, other) => one.row - other.row)) {
    const { row, move } = settled
    if (last !== null && row === last.row + 1 && isSame(move, last.move)) {
      packed.writeUInt16LE(row, end - RUN_BYTES + 2)
    } else {
      packed.writeUInt16LE(row, end)
      packed.writeUInt16LE(row, end + 2)
      packed.writeUInt8(MOVES.indexOf(move.kind) + 1, end + 4)
      packed.writeDoubleLE(moveValue(move), end + 5)
      end += RUN_BYTES
    }
    last = settled
  }
  return packed.subarray(0, end)
}

function isSame(one: Move, other: Move): boolean {
  return one === other || (one.kind === other.kind && moveValue(one) === moveValue(other))
}

function moveValue(move: Move): number {
  switch (move.kind) {
    case 'accepted':
      return move.facts
    case 'rejected':
    case 'suppressed':
      return move.code
    case 'retry':
      return Math.round(move.due)
    case 'unknown':
    case 'released':
      return 0
  }
}
