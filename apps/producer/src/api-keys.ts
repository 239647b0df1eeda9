import { createHash, timingSafeEqual } from 'node:crypto'

/** A caller that may use the API: only the digest of its key is known here. */
export type ApiKey = { readonly name: string; readonly digest: Buffer }

const ENTRY = /^([A-Za-z0-9._-]{1,64}):([0-9a-fA-F]{64})$/

/** Read `name:sha256hex,…`; `null` when an entry is no such pair or a name comes twice. */
export function parseApiKeys(text: string): readonly ApiKey[] | null {
  const entries = text.split(',').map((entry) => entry.trim())
  const keys: ApiKey[] = []
  for (const entry of entries) {
    if (entry === '') continue
    const match = ENTRY.exec(entry)
    if (match === null) return null
    const [, name = '', digest = ''] = match
    if (keys.some((key) => key.name === name)) return null
    keys.push({ name, digest: Buffer.from(digest, 'hex') })
  }
  return keys
}

/**
 * Whose key an `Authorization` header carries; `null` for nobody's. Every key is compared, in constant time: how long it
 * takes tells nothing.
 */
export function callerOf(header: string | undefined, keys: readonly ApiKey[]): string | null {
  const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(header ?? '')?.[1]
  if (token === undefined) return null
  const digest = createHash('sha256').update(token).digest()
  let caller: string | null = null
  for (const key of keys) if (timingSafeEqual(digest, key.digest)) caller = key.name
  return caller
}
