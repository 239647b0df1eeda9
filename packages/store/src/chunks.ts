import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

import { packChunk, unpackChunk } from '@chasqui/campaign'
import type { Chunk, PackedChunk } from '@chasqui/campaign'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'

/**
 * Level 2 packs a chunk of random columns within 2 % of level 3, in two thirds of the time. A chunk is some 30 KB: a larger
 * window would only take time to set up.
 */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 2, [constants.ZSTD_c_windowLog]: 16 } }

/** A chunk as it lies in Redis. */
export function encodeChunk(chunk: Chunk): Buffer {
  return compressChunk(packChunk(chunk))
}

/** The same of one that is packed already. */
export function compressChunk(chunk: PackedChunk): Buffer {
  return zstdCompressSync(chunk.json, LEVEL)
}

/** The reverse of `encodeChunk`; throws on bytes that are none. */
export function decodeChunk(bytes: Buffer): Chunk {
  return unpackChunk(zstdDecompressSync(bytes).toString('utf8'))
}

/** Reads the recipients of a campaign, chunk by chunk. */
export class Chunks {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /**
   * @param source the campaign that owns the recipients: its own, or the parent's for a run of a recurring one.
   * @returns `null` where no chunk lies: chunk numbers may have holes.
   */
  async read(source: string, chunk: number): Promise<Chunk | null> {
    const bytes = await this.#client.getBuffer(this.#keys.chunk(source, chunk))
    return bytes === null ? null : decodeChunk(bytes)
  }

  /** A chunk of the recipients that a campaign is sent to: its own, or its parent's. */
  async readFor(campaign: string, chunk: number): Promise<Chunk | null> {
    const source = await this.#client.hget(this.#keys.campaign(campaign), 'source')
    return source === null ? null : await this.read(source, chunk)
  }
}
