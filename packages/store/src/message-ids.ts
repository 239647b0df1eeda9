import { hash, randomBytes } from 'node:crypto'

import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'
import type { ScriptArgument } from './script.ts'

const NOTE = loadScript('note-messages')
const MATCH = loadScript('match-messages')
const FIND = loadScript('find-messages')
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
/** Asked for in one step, which says of fewer where the index is so large that it would get long. */
const FOUND_AT_ONCE = 500
/** The same, of those that may have to wait: their bodies come along. */
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

  /** Whose messages these are, in order; `null`: nobody knows, or not yet. Reads only. */
  async find(sender: string, messageIds: readonly string[]): Promise<(MessagePlace | null)[]> {
    const names = [this.#keys.messageIds(sender)]
    return await inParts(messageIds, FOUND_AT_ONCE, async (part) => {
      const places = await this.#withSecret(sender, async (secret) => {
        const packed = Buffer.concat(part.map((messageId) => hashOf(secret, messageId)))
        return await FIND.run(this.#client, names, [secret, packed])
      })
      return places.map((place) => (place === '' ? null : placeOf(place)))
    })
  }

  /** Whose messages these statuses speak of, in order; those nobody knows yet wait from now on. May be asked again. */
  async match(sender: string, statuses: readonly WaitingStatus[]): Promise<Match[]> {
    return await inParts(statuses, MATCHED_AT_ONCE, async (part) => await this.#match(sender, part))
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

  /** Tells of any message whether statuses of it waited at this moment. */
  async whoWaits(sender: string): Promise<(messageId: string) => boolean> {
    const { messageIds, parked } = this.#keys
    const [secret, ids] = await Promise.all([
      this.#client.hget(messageIds(sender), 'key'),
      this.#client.hkeysBuffer(parked(sender)),
    ])
    const waiting = new Set(ids.map((id) => id.toString('hex')))
    return (messageId) => secret !== null && waiting.has(hashOf(secret, messageId).toString('hex'))
  }

  /** Whether messages of this sender were ever noted, as far back as they are kept. */
  async hasAny(sender: string): Promise<boolean> {
    return (await this.#client.hexists(this.#keys.messageIds(sender), 'segment')) === 1
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

/** The answers to all of `items`, asked a part at a time, side by side; a part may be answered as far as it goes. */
async function inParts<Item, Answer>(
  items: readonly Item[],
  most: number,
  ask: (part: readonly Item[]) => Promise<readonly Answer[]>,
): Promise<Answer[]> {
  const parts: (readonly Item[])[] = []
  for (let from = 0; from < items.length; from += most) parts.push(items.slice(from, from + most))
  const answers = await Promise.all(
    parts.map(async (part) => {
      const own: Answer[] = []
      while (own.length < part.length) own.push(...(await ask(part.slice(own.length))))
      return own
    }),
  )
  return answers.flat()
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
