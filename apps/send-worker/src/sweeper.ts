import type { SendQueue, Visit } from '@chasqui/queue'
import type { Priority } from '@chasqui/queue'
import type { Ledger } from '@chasqui/store'

import { pause } from './pause.ts'
import { MARGIN_MS } from './visit.ts'

/** A campaign as the sweeper sees it. */
export type SweptCampaign = {
  readonly id: string
  readonly sender: string
  readonly status: string
  readonly priority: Priority
  readonly notAfter: number | null
}

export type SweeperOptions = {
  readonly ledger: Ledger
  /** Campaigns that may have work, of any sender. */
  readonly alive: () => Promise<readonly SweptCampaign[]>
  /** The queue of a sender this process serves; `null` for others. */
  readonly queueOf: (sender: string) => SendQueue | null
  /** Note that these chunks were asked for: nobody needs to ask again before `until`, ms. */
  readonly postpone: (campaign: string, chunks: readonly number[], until: number) => Promise<void>
  /** A campaign has come to its end: canceled or completed, and nothing is left on its agenda. */
  readonly retire: (campaign: string) => Promise<void>
  /** Ms by Redis' clock. */
  readonly now: () => number
  readonly onReaped: (sender: string, recipients: number) => void
  readonly onCompleted: (campaign: string) => void
  readonly onTrouble: (error: unknown) => void
}

const EVERY_MS = 2_000
/** Claims given up in one script: bounded, some 100 recipients each. */
const CLAIMS_A_STEP = 20
/** Chunks ended or asked for in one pass over a campaign; the next pass takes the next ones. */
const CHUNKS_A_PASS = 1_000
/** A visit that was asked for waits in the queue this long before it is asked for again, ms. */
const ASK_AGAIN_MS = 5 * 60_000

/**
 * Finds work that no job will visit, whatever was lost: gives up claims whose worker died, asks for visits that are
 * overdue, ends what expired or was canceled. Every worker runs one; doing a step twice is harmless.
 */
export class Sweeper {
  readonly #options: SweeperOptions
  readonly #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: SweeperOptions) {
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
      try {
        await this.sweep()
      } catch (error) {
        this.#options.onTrouble(error)
      }
      await pause(EVERY_MS, this.#stop.signal)
    }
  }

  /** One pass over all campaigns. */
  async sweep(): Promise<void> {
    for (const campaign of await this.#options.alive()) {
      if (this.#stop.signal.aborted) return
      const queue = this.#options.queueOf(campaign.sender)
      if (queue !== null) await this.#sweepCampaign(campaign, queue)
    }
  }

  async #sweepCampaign(campaign: SweptCampaign, queue: SendQueue): Promise<void> {
    await this.#reap(campaign)
    switch (campaign.status) {
      case 'running':
        if (this.#isOver(campaign)) await this.#finish(campaign)
        else await this.#ask(campaign, queue)
        return
      case 'paused':
        if (this.#isOver(campaign)) await this.#finish(campaign)
        return
      case 'canceled':
        await this.#finish(campaign)
        return
      case 'completed':
        await this.#options.retire(campaign.id)
    }
  }

  #isOver({ notAfter }: SweptCampaign): boolean {
    return notAfter !== null && this.#options.now() + MARGIN_MS > notAfter
  }

  async #reap({ id, sender }: SweptCampaign): Promise<void> {
    for (;;) {
      const reaped = await this.#options.ledger.reap(id, CLAIMS_A_STEP)
      if (reaped.lost > 0) this.#options.onReaped(sender, reaped.lost)
      if (reaped.completed) this.#options.onCompleted(id)
      if (reaped.claims < CLAIMS_A_STEP) return
    }
  }

  async #ask({ id, priority }: SweptCampaign, queue: SendQueue): Promise<void> {
    const now = this.#options.now()
    const chunks = await this.#options.ledger.overdueChunks(id, now, CHUNKS_A_PASS)
    if (chunks.length === 0) return
    await queue.addVisits(chunks.map((chunk): Visit => ({ campaign: id, chunk })), priority)
    await this.#options.postpone(id, chunks, now + ASK_AGAIN_MS)
  }

  /** Ends what is left, chunk by chunk; chunks in flight stay on the agenda until their claims have ended. */
  async #finish(campaign: SweptCampaign): Promise<void> {
    const chunks = await this.#options.ledger.overdueChunks(campaign.id, Number.MAX_SAFE_INTEGER, CHUNKS_A_PASS)
    for (const chunk of chunks) {
      const finished = await this.#options.ledger.finishChunk(campaign.id, chunk, MARGIN_MS)
      if (finished?.completed === true) this.#options.onCompleted(campaign.id)
    }
    if (chunks.length === 0 && campaign.status === 'canceled') await this.#options.retire(campaign.id)
  }
}
