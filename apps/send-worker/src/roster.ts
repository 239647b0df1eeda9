import type { ErrorScope } from '@chasqui/delivery'
import { pause } from '@chasqui/runtime'
import type { Logger } from '@chasqui/runtime'

import type { ConfiguredSender } from './config.ts'
import { SendingSender } from './sending-sender.ts'
import type { Shared } from './sending-sender.ts'

export type RosterOptions = {
  readonly shared: Shared
  /** Reads the senders as they are configured now; throws when they cannot be read. */
  readonly read: () => readonly ConfiguredSender[]
  readonly logger: Logger
}

const EVERY_MS = 2_000
/** How often it is asked which campaigns run, so that each sender can share itself among its own, ms. */
const CAMPAIGNS_EVERY_MS = 1_000
/** Requests get this long to end when the process stops; the rest of the ten seconds is for settling, ms. */
const DRAIN_MS = 7_000

/**
 * The senders at work in this process: follows SENDERS_FILE and the files of the tokens while it runs. A file that cannot
 * be read changes nothing.
 */
export class Roster {
  readonly #options: RosterOptions
  readonly #stop = new AbortController()
  readonly #working = new Map<string, { readonly sender: SendingSender; configured: ConfiguredSender }>()
  #running: Promise<unknown> = Promise.resolve()
  #complaint = ''

  constructor(options: RosterOptions) {
    this.#options = options
  }

  get(id: string): SendingSender | null {
    return this.#working.get(id)?.sender ?? null
  }

  configured(): ConfiguredSender[] {
    return [...this.#working.values()].map(({ configured }) => configured)
  }

  start(senders: readonly ConfiguredSender[]): void {
    for (const sender of senders) this.#begin(sender)
    this.#running = Promise.all([this.#follow(), this.#accompany()])
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await Promise.all([...this.#working.values()].map(async ({ sender }) => await sender.stop(DRAIN_MS)))
  }

  async #follow(): Promise<void> {
    for (;;) {
      await pause(EVERY_MS, this.#stop.signal)
      if (this.#stop.signal.aborted) return
      await this.#look().catch((error: unknown) => this.#complain(error))
    }
  }

  /** Redis away shows elsewhere; campaigns that jobs bring are sent without this. */
  async #accompany(): Promise<void> {
    const { alive, events } = this.#options.shared
    while (!this.#stop.signal.aborted) {
      try {
        const running = await alive.running()
        for (const [id, { sender }] of this.#working) sender.accompany(running.get(id) ?? [])
      } catch (error) {
        events.trouble('running', error)
      }
      await pause(CAMPAIGNS_EVERY_MS, this.#stop.signal)
    }
  }

  async #look(): Promise<void> {
    const wanted = new Map(this.#options.read().map((sender) => [sender.id, sender]))
    this.#complaint = ''
    for (const [id, { sender, configured }] of this.#working) {
      const now = wanted.get(id)
      if (now === undefined || isAnother(configured, now)) {
        this.#working.delete(id)
        this.#options.logger.info({ sender: id }, 'sender taken out of work')
        await sender.stop(DRAIN_MS)
      } else if (JSON.stringify(now) !== JSON.stringify(configured)) {
        this.#working.set(id, { sender, configured: now })
        await sender.update(now)
        this.#options.logger.info({ sender: id, messagesPerSecond: now.messagesPerSecond }, 'sender changed')
      }
    }
    for (const sender of wanted.values()) if (!this.#working.has(sender.id)) this.#begin(sender)
  }

  #begin(configured: ConfiguredSender): void {
    const sender = new SendingSender(configured, this.#options.shared, (of, scope) =>
      kinOf(of, this.configured(), scope),
    )
    this.#working.set(configured.id, { sender, configured })
    sender.start()
    this.#options.logger.info(
      { sender: configured.id, messagesPerSecond: configured.messagesPerSecond },
      'sender at work',
    )
  }

  /** Said once, not every two seconds. */
  #complain(error: unknown): void {
    const complaint = error instanceof Error ? error.message : String(error)
    if (complaint !== this.#complaint)
      this.#options.logger.error({ err: error }, 'senders cannot be read; going on with those known')
    this.#complaint = complaint
  }
}

/** All senders, of those given and itself, that news of this scope about one of them is about. */
export function kinOf(sender: ConfiguredSender, all: readonly ConfiguredSender[], scope: ErrorScope): string[] {
  const isKin = (other: ConfiguredSender): boolean =>
    (scope === 'account' && other.wabaId === sender.wabaId) ||
    (scope === 'token' && other.accessToken === sender.accessToken)
  return [sender.id, ...all.filter((other) => other.id !== sender.id && isKin(other)).map(({ id }) => id)]
}

/** What cannot change while requests are on their way. */
function isAnother(before: ConfiguredSender, now: ConfiguredSender): boolean {
  return (
    before.phoneNumberId !== now.phoneNumberId ||
    before.endpointUrl !== now.endpointUrl ||
    before.correlation !== now.correlation
  )
}
