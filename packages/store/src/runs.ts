import { CHUNK_ROWS, runId, runSpec } from '@chasqui/campaign'

import type { Campaign, Campaigns } from './campaigns.ts'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const COPY = loadScript('copy-recipients')

/** Recipients copied in one step: whole chunks, some 50 kB. */
const PIECE = 100 * CHUNK_ROWS

export type RunReply =
  /** The run is ready to be started, or was already. */
  | { readonly kind: 'ready'; readonly id: string }
  /** Somebody ended it while it was prepared. */
  | { readonly kind: 'stopped'; readonly id: string }

/**
 * Makes runs of recurring campaigns. A run is a campaign of its own, with its own ledger and report, that reads its
 * parent's chunks. Whoever prepares a run, and how many do at once, it comes out the same: its id follows from its time,
 * and each piece is copied by compare-and-set.
 */
export class Runs {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #campaigns: Campaigns

  constructor(client: RedisClient, keys: Keys, campaigns: Campaigns) {
    this.#client = client
    this.#keys = keys
    this.#campaigns = campaigns
  }

  /** @param at when the run was due, ms: the same for every process that hears of it. */
  async prepare(parent: Campaign, at: number): Promise<RunReply> {
    const id = runId(parent.id, at)
    await this.#campaigns.addRun(parent.id, { id, at })
    await this.#campaigns.create({
      id,
      spec: runSpec(parent.spec),
      createdAt: at,
      run: { parent: parent.id, chunks: parent.chunks },
    })
    const run = await this.#campaigns.read(id)
    if (run === null) throw new Error(`run ${id} vanished while it was made`)
    if (run.status !== 'draft') return { kind: run.status === 'canceled' ? 'stopped' : 'ready', id }
    return { kind: (await this.#copy(run)) ? 'ready' : 'stopped', id }
  }

  /** Copy the parent's recipients, as far as they went when the run was made; false when the run was ended meanwhile. */
  async #copy(run: Campaign): Promise<boolean> {
    const end = run.chunks * CHUNK_ROWS
    const keys = [
      this.#keys.campaign(run.id),
      this.#keys.counts(run.id),
      this.#keys.states(run.id),
      this.#keys.agenda(run.id),
    ]
    let offset = Number((await this.#client.hget(this.#keys.campaign(run.id), 'copied')) ?? 0)
    while (offset < end) {
      const bytes = await this.#piece(run.source, offset, end)
      const { recipients, chunks } = pendingPiece(bytes, offset)
      const reply = (await COPY.run(this.#client, keys, [offset, bytes, recipients, ...chunks])) as [string, number]
      if (reply[0] === 'stopped') return (await this.#campaigns.read(run.id))?.status !== 'canceled'
      offset = reply[1]
    }
    return true
  }

  /** The parent's ledger bytes from `offset`; where its string ends, nobody lives. */
  async #piece(parent: string, offset: number, end: number): Promise<Buffer> {
    const piece = Buffer.alloc(Math.min(PIECE, end - offset))
    const bytes = await this.#client.getrangeBuffer(this.#keys.states(parent), offset, offset + piece.length - 1)
    bytes.copy(piece)
    return piece
  }
}

/** Make every recipient of a piece pending, in place; tells how many there are and in which chunks. */
function pendingPiece(
  bytes: Buffer,
  offset: number,
): { readonly recipients: number; readonly chunks: readonly number[] } {
  const chunks = new Set<number>()
  let recipients = 0
  for (let place = 0; place < bytes.length; place++) {
    if (bytes[place] === 0) continue
    bytes[place] = 1
    recipients += 1
    chunks.add(Math.floor((offset + place) / CHUNK_ROWS))
  }
  return { recipients, chunks: [...chunks] }
}
