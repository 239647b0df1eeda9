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
const PACK_BYTES_MIN = 4 * 1024

/** Fields of a stream's entry that hold bodies: one as it came, or any number packed. */
const PLAIN = 'b'
const PACKED = 'z'

const compressAside = promisify(zstdCompress)

/** Bodies as fields of a stream's entry: name, value, name, value. */
export async function fieldsOf(bodies: readonly Buffer[]): Promise<(string | Buffer)[]> {
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0)
  return bytes < PACK_BYTES_MIN ? bodies.flatMap((body) => [PLAIN, body]) : [PACKED, await packBodies(bodies)]
}

/** The bodies in the fields of an entry; other fields are passed over. */
export function bodiesIn(fields: readonly Buffer[]): Buffer[] {
  return fields.flatMap((value, index) => {
    const name = index % 2 === 0 ? '' : fields[index - 1]?.toString()
    if (name === PACKED) return unpackBodies(value)
    return name === PLAIN ? [value] : []
  })
}

/** A field of an entry beside its bodies; `null` when it has none of that name. */
export function fieldIn(fields: readonly Buffer[], name: string): string | null {
  const place = fields.findIndex((field, index) => index % 2 === 0 && field.toString() === name)
  return place === -1 ? null : (fields[place + 1]?.toString() ?? null)
}

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
