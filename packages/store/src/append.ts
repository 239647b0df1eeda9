import { CHUNK_ROWS, joinChunks, packChunk, personKey, pickRows, putNumber } from '@chasqui/campaign'
import type { Batch, Chunk, PackedChunk } from '@chasqui/campaign'

import { compressChunk, decodeChunk, encodeChunk } from './chunks.ts'
import type { Keys } from './keys.ts'
import { bucketsWanted, planRuns } from './number-plan.ts'
import { metaKey, splitKeys } from './number-set.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'
import type { ScriptArgument } from './script.ts'

const APPEND = loadScript('append-recipients')

/** Uploads to one campaign at a time disturb each other's guesses; more often than this would be a defect. */
const ATTEMPTS_MAX = 200

export type AppendReply =
  | { readonly kind: 'stored'; readonly added: number; readonly duplicates: number }
  /** The campaign takes no recipients any more. */
  | { readonly kind: 'closed'; readonly status: string }
  | { readonly kind: 'missing' }

/** What is believed of the campaign before a script checks it. */
type Belief = { chunks: number; tailRows: number; buckets: number; numbers: number }

/** A set is begun for this many numbers at most, however long an upload says it will be. */
const EXPECTED_MAX = 20_000_000

/**
 * Chunks as they are sent. The rows themselves are let go: batches wait for Redis, and what they hold on to is most of a
 * long upload's memory.
 */
type Packed = { readonly numbers: Float64Array; readonly blobs: readonly Buffer[] }

/** Where they are put: from this row of this chunk on. */
type Plan = Packed & { readonly first: number; readonly row: number }

/**
 * Appends the batches of one upload to a campaign. Several may be on their way at once: each is sent with what the
 * campaign will look like when those before it are stored, and sent again when another upload came between.
 */
export class RecipientAppender {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #id: string
  readonly #upload: string
  #belief: Belief = { chunks: 0, tailRows: 0, buckets: 0, numbers: 0 }
  /** Counts how often the belief was corrected: a refusal of something sent before the last correction says nothing new. */
  #corrections = 0
  #sequence = 0
  #onTheWay = 0
  #mayGrow = true
  #expected = 0
  /** Key names by bucket: the same few thousand are needed in every batch. */
  readonly #bucketKeys: string[] = []

  /** @param upload unguessable and unique to this upload: answers are remembered under it, for replays. */
  constructor(client: RedisClient, keys: Keys, id: string, upload: string) {
    this.#client = client
    this.#keys = keys
    this.#id = id
    this.#upload = upload
  }

  /** Learn where the campaign stands; `append` works without, at the cost of a first wrong guess. */
  async open(): Promise<void> {
    const [record, meta] = await Promise.all([
      this.#client.hmget(this.#keys.campaign(this.#id), 'chunks', 'tailRows'),
      this.#client.hmget(metaKey(this.#keys.numbers(this.#id)), 'buckets', 'count'),
    ])
    this.#believe(Number(record[0] ?? 0), Number(record[1] ?? 0), Number(meta[0] ?? 0), Number(meta[1] ?? 0))
  }

  /**
   * How many recipients the upload will bring, by and large. A number set that is begun with room for them need not be
   * split again and again while it fills; one that has begun already grows as it must.
   */
  expect(recipients: number): void {
    this.#expected = recipients > 0 ? Math.min(EXPECTED_MAX, Math.round(recipients)) : 0
  }

  /**
   * Store a batch: chunks that are full but for the last, and what is to be counted with them.
   *
   * When it throws, the batch may or may not be stored; sending the same recipients again adds nothing twice.
   */
  async append(batch: Batch): Promise<AppendReply> {
    const sequence = ++this.#sequence
    this.#onTheWay += 1
    try {
      return await this.#store(sequence, pack(batch.chunks), countersOf(batch))
    } finally {
      this.#onTheWay -= 1
    }
  }

  /** Forget the answers kept for replays, once none can come any more. */
  async close(): Promise<void> {
    await this.#client.unlink(this.#keys.upload(this.#id, this.#upload))
  }

  async #store(sequence: number, batch: Packed, counters: string): Promise<AppendReply> {
    let packed = batch
    let duplicates = 0
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      // Nothing is awaited between looking at the belief and changing it, unless the batch joins the last chunk.
      const plan = this.#fitsTail(packed) ? await this.#joinTail(packed) : this.#behind(packed)
      const corrections = this.#corrections
      const from = this.#belief.buckets
      const to = this.#bucketsFor(this.#belief.numbers + plan.numbers.length)
      this.#foresee(plan, to)
      const reply = await this.#send(sequence, plan, from, to, counters, duplicates)
      switch (reply[0]) {
        case 'stored': {
          const added = Number(reply[5])
          this.#learn(reply, plan.numbers.length - added, added === 0 && plan.blobs.length > 0)
          return { kind: 'stored', added, duplicates: Number(reply[6]) }
        }
        case 'missing':
          return { kind: 'missing' }
        case 'closed':
          return { kind: 'closed', status: String(reply[1]) }
        case 'repack': {
          const places = String(reply[5]).split(',').map(Number)
          duplicates += places.length
          this.#learn(reply, plan.numbers.length, true)
          packed = pack(withoutRows(packed.blobs.map(decodeChunk), places).map(packChunk))
          break
        }
        default:
          if (reply[0] === 'halted') this.#mayGrow = false
          if (corrections === this.#corrections)
            this.#believe(Number(reply[1]), Number(reply[2]), Number(reply[3]), Number(reply[4]))
      }
    }
    throw new Error(`campaign ${this.#id} kept changing under an upload`)
  }

  #bucketsFor(numbers: number): number {
    const { buckets } = this.#belief
    if (buckets === 0) return bucketsWanted(Math.max(numbers, this.#expected), 0)
    return this.#mayGrow ? bucketsWanted(numbers, buckets) : buckets
  }

  #behind(packed: Packed): Plan {
    return { ...packed, first: this.#belief.chunks, row: 0 }
  }

  /** Few recipients go into the campaign's last chunk while it has room: many small uploads must not make many chunks. */
  #fitsTail(packed: Packed): boolean {
    const { tailRows } = this.#belief
    return (
      this.#onTheWay === 1 &&
      packed.blobs.length === 1 &&
      tailRows > 0 &&
      tailRows + packed.numbers.length <= CHUNK_ROWS
    )
  }

  async #joinTail(packed: Packed): Promise<Plan> {
    const { chunks, tailRows } = this.#belief
    const [added] = packed.blobs
    const bytes = await this.#client.getBuffer(this.#keys.chunk(this.#id, chunks - 1))
    const tail = bytes === null ? null : decodeChunk(bytes)
    // Another upload went on with the chunk meanwhile: the script would refuse the place anyway.
    if (added === undefined || tail === null || tail.to.length !== tailRows) return this.#behind(packed)
    return {
      ...packed,
      blobs: [encodeChunk(joinChunks(tail, decodeChunk(added)))],
      first: chunks - 1,
      row: tailRows,
    }
  }

  async #send(
    sequence: number,
    plan: Plan,
    from: number,
    to: number,
    counters: string,
    duplicates: number,
  ): Promise<readonly unknown[]> {
    const { campaign, counts, states, agenda, upload, chunk, numbers } = this.#keys
    const id = this.#id
    const base = numbers(id)
    const runs = planRuns(plan.numbers, Math.max(to, 1))
    const splits = splitKeys(base, from, to)
    const keys = [campaign(id), counts(id), states(id), agenda(id), upload(id, this.#upload), metaKey(base)]
    for (let index = 0; index < plan.blobs.length; index++) keys.push(chunk(id, plan.first + index))
    keys.push(...splits)
    for (const bucket of runs.buckets) keys.push((this.#bucketKeys[bucket] ??= `${base}:${bucket}`))
    const placed: ScriptArgument[] = [sequence, plan.first, plan.row, plan.blobs.length, from, to, splits.length / 2]
    const args = [...placed, counters, duplicates, runs.lengths, packNumbers(plan.numbers), ...plan.blobs]
    return (await APPEND.run(this.#client, keys, args)) as readonly unknown[]
  }

  /** Believe that what is being sent will be stored. */
  #foresee(plan: Plan, buckets: number): void {
    const belief = this.#belief
    belief.buckets = buckets
    belief.numbers += plan.numbers.length
    if (plan.blobs.length === 0) return
    belief.chunks = plan.first + plan.blobs.length
    belief.tailRows = plan.row + plan.numbers.length - (plan.blobs.length - 1) * CHUNK_ROWS
  }

  /**
   * What a batch came to. One that stored nothing leaves its chunk numbers free, and those on their way behind it will
   * probably do the same: the next one is put where the campaign ends now. Else the same long list, uploaded again with
   * a few new people in it, would leave a hole as long as itself.
   */
  #learn(reply: readonly unknown[], notAdded: number, nothing: boolean): void {
    this.#belief.numbers -= notAdded
    if (!nothing) return
    this.#belief.chunks = Number(reply[1])
    this.#belief.tailRows = Number(reply[2])
  }

  #believe(chunks: number, tailRows: number, buckets: number, numbers: number): void {
    this.#belief = { chunks, tailRows, buckets, numbers }
    this.#corrections += 1
  }
}

function pack(chunks: readonly PackedChunk[]): Packed {
  const numbers = new Float64Array(chunks.reduce((sum, { to }) => sum + to.length, 0))
  let at = 0
  for (const { to } of chunks) for (let row = 0; row < to.length; row++) numbers[at++] = personKey(to[row] ?? 0)
  return { numbers, blobs: chunks.map(compressChunk) }
}

/** What MessagePack begins with: an array whose length is told in two bytes, and a text shorter than 32 bytes. */
const ARRAY16 = 0xdc
const FIXSTR = 0xa0
/** A number's digits, 15 at most, and what tells how many they are. */
const NUMBER_BYTES = 16

/** A MessagePack array of texts: Lua unpacks it in a quarter of the time that splitting a text takes. */
function packNumbers(numbers: Float64Array): Buffer {
  const bytes = Buffer.allocUnsafe(3 + numbers.length * NUMBER_BYTES)
  bytes[0] = ARRAY16
  bytes.writeUInt16BE(numbers.length, 1)
  let at = 3
  for (const number of numbers) {
    const end = putNumber(bytes, at + 1, number)
    bytes[at] = FIXSTR + end - at - 1
    at = end
  }
  return bytes.subarray(0, at)
}

/** Counters that go with a batch, as the script takes them. */
function countersOf(batch: Batch): string {
  const counters = [`intake:rows=${batch.tally.rows}`]
  for (const [reason, by] of Object.entries(batch.tally.rejected)) counters.push(`intake:rejected:${reason}=${by}`)
  for (const [warning, by] of Object.entries(batch.tally.warnings)) counters.push(`intake:warning:${warning}=${by}`)
  return counters.join(' ')
}

/** The same rows without some of them (places over all chunks), packed full again. */
function withoutRows(chunks: readonly Chunk[], places: readonly number[]): Chunk[] {
  const left = new Set(places)
  const kept: Chunk[] = []
  let start = 0
  for (const chunk of chunks) {
    const rows = chunk.to.map((_, row) => row).filter((row) => !left.has(start + row))
    kept.push(pickRows(chunk, rows))
    start += chunk.to.length
  }
  const [first, ...others] = kept
  if (first === undefined) return []
  const whole = others.reduce(joinChunks, first)
  const packed: Chunk[] = []
  for (let from = 0; from < whole.to.length; from += CHUNK_ROWS) {
    packed.push(
      pickRows(
        whole,
        Array.from({ length: Math.min(CHUNK_ROWS, whole.to.length - from) }, (_, row) => from + row),
      ),
    )
  }
  return packed
}
