import { CHUNK_ROWS } from '@chasqui/campaign'
import { attemptsOf, dispositionOf } from '@chasqui/delivery'
import type { Disposition } from '@chasqui/delivery'

import type { Campaign } from './campaigns.ts'
import { Chunks } from './chunks.ts'
import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/** One recipient as the ledger knows them. */
export type RecipientState = {
  /** E.164 without '+'. */
  readonly to: number
  readonly ref: string | null
  readonly disposition: Disposition
  /** POSTs that may have reached the endpoint. */
  readonly attempts: number
  /** The set of facts known of the message (`@chasqui/delivery`). */
  readonly facts: number
}

/** Chunks whose bytes are read together. */
const CHUNKS_A_READ = 20

/** Reads all recipients of a campaign with their states, a few chunks in memory at a time. */
export class Recipients {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #chunks: Chunks

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
    this.#chunks = new Chunks(client, keys)
  }

  /** Chunk by chunk, each read at its own instant: while a campaign runs, an export is no snapshot. */
  async *read(campaign: Campaign): AsyncGenerator<readonly RecipientState[]> {
    for (let first = 0; first < campaign.chunks; first += CHUNKS_A_READ) {
      const last = Math.min(first + CHUNKS_A_READ, campaign.chunks)
      const [from, to] = [first * CHUNK_ROWS, last * CHUNK_ROWS - 1]
      const [states, facts] = await Promise.all([
        this.#client.getrangeBuffer(this.#keys.states(campaign.id), from, to),
        this.#client.getrangeBuffer(this.#keys.facts(campaign.id), from, to),
      ])
      for (let chunk = first; chunk < last; chunk++) {
        const start = (chunk - first) * CHUNK_ROWS
        yield await this.#readChunk(
          campaign.source,
          chunk,
          states.subarray(start, start + CHUNK_ROWS),
          facts.subarray(start, start + CHUNK_ROWS),
        )
      }
    }
  }

  async #readChunk(source: string, number: number, states: Buffer, facts: Buffer): Promise<RecipientState[]> {
    if (!states.some((byte) => byte !== 0)) return []
    const chunk = await this.#chunks.read(source, number)
    const found: RecipientState[] = []
    for (const [row, to] of (chunk?.to ?? []).entries()) {
      const byte = states[row] ?? 0
      const disposition = dispositionOf(byte)
      if (disposition === null) continue
      found.push({
        to,
        ref: chunk?.refs?.[row] ?? null,
        disposition,
        attempts: attemptsOf(byte),
        facts: facts[row] ?? 0,
      })
    }
    return found
  }
}
