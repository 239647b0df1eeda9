import { notAfterOf } from '@chasqui/campaign'
import type { CampaignSpec, Status } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const CREATE = loadScript('create-campaign')
const MOVE = loadScript('move-campaign')
const RESERVE = loadScript('reserve-campaign')

/** How long an Idempotency-Key holds, ms. */
const KEY_HOLDS_MS = 86_400_000

/** Campaigns one call of `list` looks at, whatever it is asked for. */
const LIST_SCAN_MAX = 1_000

/** What Redis knows of a campaign, its numbers aside. Times are ms since 1970. */
export type Campaign = {
  readonly id: string
  readonly spec: CampaignSpec
  readonly sender: string
  readonly status: Status
  /** Who or what paused it, or how a run is being prepared. */
  readonly reason: string | null
  readonly createdAt: number
  readonly launchedAt: number | null
  readonly startAt: number | null
  readonly endedAt: number | null
  readonly notAfter: number | null
  /** The campaign that owns the chunks and the numbers: itself, or its parent. */
  readonly source: string
  /** The recurring campaign that this is a run of. */
  readonly parent: string | null
  readonly chunks: number
  /** Until when its recipients are kept, ms; `null`: it has not ended, or did so just now. */
  readonly recipientsUntil: number | null
}

export type NewCampaign = {
  readonly id: string
  readonly spec: CampaignSpec
  readonly createdAt: number
  /** Set for a run of a recurring campaign. */
  readonly run?: { readonly parent: string; readonly chunks: number }
}

/** A run of a recurring campaign: its id and when it was due (ms). */
export type Run = { readonly id: string; readonly at: number }

export type CampaignReport = {
  readonly campaign: Campaign
  /** Every counter of the campaign; a missing one is 0. */
  readonly counts: ReadonlyMap<string, number>
  /** The latest runs of a recurring campaign, newest first. */
  readonly runs: readonly Run[]
}

export type CampaignSummary = { readonly campaign: Campaign; readonly recipients: number }

export type MoveRequest = {
  readonly id: string
  readonly from: Status
  readonly to: Status
  readonly reason?: string
  /** Only if it has recipients and its last safe moment has not passed. */
  readonly sendable?: boolean
}

export type MoveReply = {
  /** Redis' clock, ms. */
  readonly now: number
  readonly kind: 'moved' | 'already' | 'changed' | 'missing' | 'empty' | 'expired'
  /** The status found or reached; `''` when there is no such campaign. */
  readonly status: Status | ''
}

/** The request that an Idempotency-Key belongs to. */
export type Reservation = { readonly digest: string; readonly id: string; readonly createdAt: number }

export type ListRequest = { readonly status: Status | null; readonly cursor: string | null; readonly limit: number }
export type ListReply = { readonly campaigns: readonly CampaignSummary[]; readonly cursor: string | null }

/** How many runs a report lists. */
const RUNS_LISTED = 100

/** The campaigns of this installation: their records, their registry and their way from status to status. */
export class Campaigns {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /**
   * Create a campaign. Listed first, then written: a crash between the two leaves an entry that lists nothing, never a
   * campaign that no list shows.
   *
   * @returns false when a campaign of this id was there; it is left as it is.
   */
  async create(campaign: NewCampaign): Promise<boolean> {
    await this.#client.zadd(this.#keys.campaigns(), campaign.createdAt, campaign.id)
    const reply = await CREATE.run(
      this.#client,
      [this.#keys.campaign(campaign.id)],
      Object.entries(fieldsOf(campaign)).flat(),
    )
    return reply === 1
  }

  /**
   * Bind an Idempotency-Key to a request, or learn which request it belongs to.
   *
   * @param key digest of caller and key. @param request digest of the body.
   */
  async reserve(key: string, request: string, id: string, createdAt: number): Promise<Reservation> {
    const reply = (await RESERVE.run(
      this.#client,
      [this.#keys.idempotency(key)],
      [request, id, createdAt, KEY_HOLDS_MS],
    )) as [string, string, string]
    return { digest: reply[0], id: reply[1], createdAt: Number(reply[2]) }
  }

  async read(id: string): Promise<Campaign | null> {
    return parseCampaign(id, await this.#client.hgetall(this.#keys.campaign(id)))
  }

  /** The campaign and all its numbers in one round trip, whatever its size. */
  async report(id: string): Promise<CampaignReport | null> {
    const [record, counts, runs] = await Promise.all([
      this.#client.hgetall(this.#keys.campaign(id)),
      this.#client.hgetall(this.#keys.counts(id)),
      this.#client.zrevrange(this.#keys.runs(id), 0, RUNS_LISTED - 1, 'WITHSCORES'),
    ])
    const campaign = parseCampaign(id, record)
    if (campaign === null) return null
    return {
      campaign,
      counts: new Map(Object.entries(counts).map(([field, value]) => [field, Number(value)])),
      runs: parseRuns(runs),
    }
  }

  /** Campaigns, newest first. The cursor of a reply continues it; `null` when there are no more. */
  async list(request: ListRequest): Promise<ListReply> {
    const found: CampaignSummary[] = []
    let cursor = parseCursor(request.cursor)
    for (let scanned = 0; scanned < LIST_SCAN_MAX;) {
      const page = await this.#page(cursor, request.limit)
      if (page.length === 0) return { campaigns: found, cursor: null }
      for (const { place, summary } of page) {
        scanned += 1
        cursor = place
        if (summary === null || (request.status !== null && summary.campaign.status !== request.status)) continue
        found.push(summary)
        if (found.length === request.limit) return { campaigns: found, cursor: formatCursor(place) }
      }
    }
    return { campaigns: found, cursor: cursor === null ? null : formatCursor(cursor) }
  }

  /** Move a campaign from one status to another, if it is still in the first. */
  async move(request: MoveRequest): Promise<MoveReply> {
    const keys = [this.#keys.campaign(request.id), this.#keys.counts(request.id)]
    const args = [request.from, request.to, request.reason ?? '', request.sendable === true ? '1' : '0']
    const [now, kind, status] = (await MOVE.run(this.#client, keys, args)) as [
      number,
      MoveReply['kind'],
      MoveReply['status'],
    ]
    return { now, kind, status }
  }

  /** Redis' clock, ms since 1970. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.#client.time()
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  }

  /** Campaigns that have not ended, in no order. */
  async alive(): Promise<string[]> {
    return await this.#client.zrangebyscore(this.#keys.alive(), '+inf', '+inf')
  }

  /** Messages that are claimed and not answered yet, of all campaigns that have not ended. */
  async inFlight(): Promise<number> {
    const claimed = await Promise.all(
      (await this.alive()).map(async (id) => await this.#client.hget(this.#keys.counts(id), 'sending')),
    )
    return claimed.reduce((sum, sending) => sum + Number(sending ?? 0), 0)
  }

  /** Let workers and exporters look at a campaign. Before it runs, or nobody would sweep what a crash leaves. */
  async enliven(id: string): Promise<void> {
    // Looked at for undelivered messages as well, for longer than it is alive.
    await this.#client.zadd(this.#keys.lapsing(), 'NX', 0, id)
    await this.#client.zadd(this.#keys.alive(), 'NX', '+inf', id)
  }

  async addRun(parent: string, run: Run): Promise<void> {
    await this.#client.zadd(this.#keys.runs(parent), run.at, run.id)
  }

  /** Chunks with work in them, for the first visits: at most `most` of them, from the `from`th (0: the first). */
  async chunksWithWork(id: string, from: number, most: number): Promise<number[]> {
    return (await this.#client.zrange(this.#keys.agenda(id), String(from), String(from + most - 1))).map(Number)
  }

  async #page(
    cursor: Place | null,
    limit: number,
  ): Promise<{ readonly place: Place; readonly summary: CampaignSummary | null }[]> {
    const end = cursor === null ? '+inf' : String(cursor.createdAt)
    // Campaigns of the cursor's own millisecond come again; there are never many.
    const raw = await this.#client.zrevrangebyscore(
      this.#keys.campaigns(),
      end,
      '-inf',
      'WITHSCORES',
      'LIMIT',
      0,
      limit + 50,
    )
    const places = parseRuns(raw)
      .map(({ id, at }) => ({ id, createdAt: at }))
      .filter((place) => cursor === null || place.createdAt < cursor.createdAt || place.id < cursor.id)
    return await Promise.all(places.map(async (place) => ({ place, summary: await this.#summary(place.id) })))
  }

  async #summary(id: string): Promise<CampaignSummary | null> {
    const [campaign, recipients] = await Promise.all([
      this.read(id),
      this.#client.hget(this.#keys.counts(id), 'recipients'),
    ])
    return campaign === null ? null : { campaign, recipients: Number(recipients ?? 0) }
  }
}

type Place = { readonly createdAt: number; readonly id: string }

function formatCursor(place: Place): string {
  return `${place.createdAt.toString(36)}.${place.id}`
}

function parseCursor(text: string | null): Place | null {
  if (text === null) return null
  const dot = text.indexOf('.')
  return { createdAt: Number.parseInt(text.slice(0, dot), 36), id: text.slice(dot + 1) }
}

/** Whether a cursor from outside is one of ours. */
export function isCursor(text: string): boolean {
  return /^[0-9a-z]{1,11}\.[a-z0-9-]{1,64}$/.test(text)
}

function parseRuns(pairs: readonly string[]): Run[] {
  const runs: Run[] = []
  for (let index = 0; index + 1 < pairs.length; index += 2)
    runs.push({ id: pairs[index] ?? '', at: Number(pairs[index + 1]) })
  return runs
}

function fieldsOf({ id, spec, createdAt, run }: NewCampaign): Record<string, string> {
  const startAt = spec.schedule?.startAt
  return {
    spec: JSON.stringify(spec),
    sender: spec.sender,
    status: 'draft',
    reason: run === undefined ? '' : 'preparing',
    createdAt: String(createdAt),
    launchedAt: '',
    startAt: startAt === undefined ? '' : String(Date.parse(startAt)),
    endedAt: '',
    notAfter: String(notAfterOf(spec) ?? ''),
    source: run?.parent ?? id,
    parent: run?.parent ?? '',
    chunks: String(run?.chunks ?? 0),
    onUnknown: spec.onUnknown,
    ttl: spec.templateTtlSeconds === undefined ? '' : String(spec.templateTtlSeconds * 1_000),
  }
}

function parseCampaign(id: string, fields: Readonly<Record<string, string>>): Campaign | null {
  if (fields['spec'] === undefined) return null
  return {
    id,
    // Written by `create` after validation; nobody else writes it.
    spec: JSON.parse(fields['spec']) as CampaignSpec,
    sender: fields['sender'] ?? '',
    status: (fields['status'] ?? 'draft') as Status,
    reason: fields['reason'] || null,
    createdAt: Number(fields['createdAt']),
    launchedAt: timeOf(fields['launchedAt']),
    startAt: timeOf(fields['startAt']),
    endedAt: timeOf(fields['endedAt']),
    notAfter: timeOf(fields['notAfter']),
    source: fields['source'] ?? id,
    parent: fields['parent'] || null,
    chunks: Number(fields['chunks'] ?? 0),
    recipientsUntil: timeOf(fields['recipientsUntil']),
  }
}

function timeOf(field: string | undefined): number | null {
  return field === undefined || field === '' ? null : Number(field)
}
