import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/**
 * Bodies of one log entry as one string. Webhooks are alike to the byte but for some forty of them, so a few together shrink
 * to an eighth: the log reaches back eight times as far in the same memory, and Redis has one value to store, not a hundred.
 */

const LENGTH_BYTES = 4
/** The cheapest: higher levels gain a few bytes a body and cost twice the time. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** More than an entry can hold, bytes: what we packed is never refused, and nothing else fills our memory. */
const UNPACKED_BYTES_MAX = 8 * 1024 * 1024
/** Up to here packing takes a fraction of a millisecond, and waiting for a thread would take longer. */
const AT_ONCE_BYTES_MAX = 128 * 1024
/** Below that the compressor's own start costs more than it saves. */
export const PACK_BYTES_MIN = 4 * 1024

const compressAside = promisify(zstdCompress)

export async function packBodies(bodies: readonly Buffer[]): Promise<Buffer> {
  const bytes = bodies.reduce((sum, body) => sum + LENGTH_BYTES + body.length, 0)
  const joined = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const body of bodies) {
    joined.writeUInt32LE(body.length, at)
    body.copy(joined, at + LENGTH_BYTES)
    at += LENGTH_BYTES + body.length
  }
  return bytes <= AT_ONCE_BYTES_MAX ? zstdCompressSync(joined, OPTIONS) : await compressAside(joined, OPTIONS)
}

/** The same bodies, byte for byte. Throws on what {@link packBodies} did not make. */
export function unpackBodies(packed: Buffer): Buffer[] {
  const joined = zstdDecompressSync(packed, { maxOutputLength: UNPACKED_BYTES_MAX })
  const bodies: Buffer[] = []
  for (let at = 0; at < joined.length;) {
    const from = at + LENGTH_BYTES
    at = from + joined.readUInt32LE(at)
    if (at > joined.length) throw new RangeError('a packed body is longer than its pack')
    bodies.push(joined.subarray(from, at))
  }
  return bodies
}
