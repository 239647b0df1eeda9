import { pause } from '@chasqui/runtime'
import type { MessageIds, ParkedMessage } from '@chasqui/store'
import { decodeWebhook } from '@chasqui/whatsapp'

import type { Folder } from './folder.ts'
import { lessonFor } from './lessons.ts'
import type { MatchedStatus } from './lessons.ts'

export type JoinerOptions = {
  readonly ids: Pick<MessageIds, 'joinable' | 'forget'>
  readonly folder: Pick<Folder, 'foldCampaign' | 'putAside'>
  /** Phone number id -> sender, of those whose statuses are known by the message's id; as they are now. */
  readonly senders: ReadonlyMap<string, string>
  /** How long a status waits for its message to be known, ms. */
  readonly waitMs: number
  readonly onTrouble: (error: unknown) => void
}

const EVERY_MS = 250

/**
 * Folds statuses that waited for their message's id, once it is known; puts those aside that waited in vain. They are forgotten
 * after that, so a crash between only does it again, and folding twice counts once. Every replica does it, for the same reason.
 */
export class Joiner {
  readonly #options: JoinerOptions
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: JoinerOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#loop()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let joined = 0
      try {
        for (const sender of this.#options.senders.values()) joined += await this.#join(sender)
      } catch (error) {
        this.#options.onTrouble(error)
        joined = 0
      }
      if (joined === 0) await pause(EVERY_MS, this.#stop.signal)
    }
  }

  async #join(sender: string): Promise<number> {
    const { ids, folder, waitMs } = this.#options
    const messages = await ids.joinable(sender, waitMs)
    const known = messages.flatMap((message) => statusesOf(message))
    for (const [campaign, statuses] of Map.groupBy(known, (status) => status.campaign))
      await folder.putAside(await folder.foldCampaign(campaign, statuses, 'message_id'))
    const inVain = messages.filter(({ place }) => place === null).flatMap(({ bodies }) => bodies)
    if (inVain.length > 0) await folder.putAside(inVain.map((body) => ({ reason: 'unknown_message', body })))
    return await ids.forget(sender, messages)
  }
}

function statusesOf({ place, bodies }: ParkedMessage): (MatchedStatus & { readonly campaign: string })[] {
  if (place === null) return []
  return bodies.flatMap((body) => {
    const decoded = decodeWebhook(body)
    if (decoded.kind === 'undecodable') return []
    return decoded.events.flatMap((event) =>
      event.kind === 'status' ? [{ campaign: place.campaign, ...lessonFor(place, event) }] : [],
    )
  })
}
