import { hash, randomBytes } from 'node:crypto'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'
import type { ScriptArgument } from './script.ts'

const NOTE = loadScript('note-messages')
const MATCH = loadScript('match-messages')
const LIST = loadScript('list-parked')
const FORGET = loadScript('forget-parked')

/** A recipient, and the attempt at it that a message is. */
export type MessagePlace = { readonly campaign: string; readonly ordinal: number; readonly attempt: number }

/** A message that the endpoint took. */
export type NotedMessage = { readonly messageId: string; readonly ordinal: number; readonly attempt: number }

/** A status that says by its message id alone what it is about. `body`: it as a webhook body of its own. */
export type WaitingStatus = { readonly messageId: string; readonly body: string }

/** `parked`: its id is not known yet. `full`: nor is there room to wait for it. */
export type Match = { readonly kind: 'found'; readonly place: MessagePlace } | { readonly kind: 'parked' | 'full' }

/** Statuses of one message that waited. `place`: whose they are; `null`: nobody knows, and they have waited for too long. */
export type ParkedMessage = {
  readonly id: string
  readonly since: string
  readonly place: MessagePlace | null
  readonly bodies: readonly string[]
}

/** Messages a sender's statuses may wait for; beyond that they are put aside at once. */
const PARKED_MAX = 20_000
/** Statuses of one message that wait: more than Meta has words for. */
const PARKED_EACH_MAX = 16
/** A status is some 600 bytes; what is larger does not wait. */
const BODY_MAX = 8_192
/** Looked up in one step: each is some µs a segment of the index. */
const MATCHED_AT_ONCE = 100
const LISTED_AT_ONCE = 100
const ENTRY_BYTES = 13

/**
 * Which recipient a message id belongs to, for senders whose messages carry no callback data: some 25 bytes a message, for 38
 * days after it was sent. Ids hold telephone numbers, so only hashes of them are kept, made with a key that lies beside them.
 *
 * A worker notes the id before it settles the acceptance, so no accepted message lacks it. A status that is here before its
 * id waits; the step that looks for the id is the one that parks it, so it cannot fall between.
 */
export class MessageIds {
  readonly #client: RedisClient
  readonly #keys: Keys
  /** By sender; a proposal until Redis has told of another. */
  readonly #secrets = new Map<string, string>()

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /** Write down whose messages these are; may be asked again. */
  async note(sender: string, campaign: string, messages: readonly NotedMessage[]): Promise<void> {
    if (messages.length === 0) return
    const { messageIds, parked, parkedReady } = this.#keys
    await this.#withSecret(sender, async (secret) => {
      const packed = Buffer.allocUnsafe(messages.length * ENTRY_BYTES)
      for (const [index, { messageId, ordinal, attempt }] of messages.entries()) {
        const at = index * ENTRY_BYTES
        hashOf(secret, messageId).copy(packed, at)
        packed.writeUInt32LE(ordinal, at + 8)
        packed[at + 12] = attempt
      }
      const names = [messageIds(sender), parked(sender), parkedReady(sender)]
      return await NOTE.run(this.#client, names, [secret, campaign, packed])
    })
  }

  /** Whose messages these statuses speak of, in order; those nobody knows yet wait from now on. May be asked again. */
  async match(sender: string, statuses: readonly WaitingStatus[]): Promise<Match[]> {
    const matches: Match[] = []
    for (let from = 0; from < statuses.length; from += MATCHED_AT_ONCE)
      matches.push(...(await this.#match(sender, statuses.slice(from, from + MATCHED_AT_ONCE))))
    return matches
  }

  async #match(sender: string, statuses: readonly WaitingStatus[]): Promise<Match[]> {
    const { messageIds, parked, parkedSince } = this.#keys
    const names = [messageIds(sender), parked(sender), parkedSince(sender)]
    const places = await this.#withSecret(sender, async (secret) => {
      const args: ScriptArgument[] = [secret, PARKED_MAX, PARKED_EACH_MAX]
      for (const { messageId, body } of statuses) args.push(hashOf(secret, messageId), digestOf(body), body)
      return await MATCH.run(this.#client, names, args)
    })
    return places.map((place): Match => {
      if (place === '') return { kind: 'parked' }
      return place === '!' ? { kind: 'full' } : { kind: 'found', place: placeOf(place) }
    })
  }

  /** Statuses that waited and whose message is known by now, or that have waited for `waitMs`; some of them. */
  async joinable(sender: string, waitMs: number): Promise<ParkedMessage[]> {
    const { messageIds, parked, parkedSince, parkedReady } = this.#keys
    const names = [messageIds(sender), parked(sender), parkedSince(sender), parkedReady(sender)]
    const list = (await LIST.run(this.#client, names, [LISTED_AT_ONCE, waitMs])) as readonly (readonly string[])[]
    return list.map(([id = '', since = '', place = '', ...bodies]) => ({
      id,
      since,
      place: place === '' ? null : placeOf(place),
      bodies,
    }))
  }

  /** Their statuses are folded or put aside; what came meanwhile stays. @returns how many went by this. */
  async forget(sender: string, messages: readonly ParkedMessage[]): Promise<number> {
    if (messages.length === 0) return 0
    const { parked, parkedSince, parkedReady } = this.#keys
    const args = messages.flatMap(({ id, since, bodies }) => [Buffer.from(id, 'hex'), since, bodies.length])
    return (await FORGET.run(this.#client, [parked(sender), parkedSince(sender), parkedReady(sender)], args)) as number
  }

  /** Messages whose statuses wait. */
  async waiting(sender: string): Promise<number> {
    return await this.#client.hlen(this.#keys.parked(sender))
  }

  /** The first process to ask makes the key; all others learn it from the answer, also after Redis was emptied. */
  async #withSecret(sender: string, ask: (secret: string) => Promise<unknown>): Promise<readonly string[]> {
    const proposal = this.#secrets.get(sender) ?? randomBytes(16).toString('hex')
    this.#secrets.set(sender, proposal)
    const [kind, ...rest] = (await ask(proposal)) as [string, ...string[]]
    if (kind !== 'key') return rest
    this.#secrets.set(sender, rest[0] ?? proposal)
    return await this.#withSecret(sender, ask)
  }
}

/** A status too large to wait is not one of ours. */
export function mayWait(body: string): boolean {
  return body.length <= BODY_MAX
}

function hashOf(secret: string, messageId: string): Buffer {
  return hash('sha256', secret + messageId, 'buffer').subarray(0, 8)
}

function digestOf(body: string): Buffer {
  return hash('sha256', body, 'buffer').subarray(0, 8)
}

function placeOf(text: string): MessagePlace {
  const [campaign = '', ordinal, attempt] = text.split(' ')
  return { campaign, ordinal: Number(ordinal), attempt: Number(attempt) }
}
