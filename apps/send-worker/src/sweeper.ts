import { pause } from '@chasqui/runtime'
import type { SendQueue, Visit } from '@chasqui/queue'
import { isTemplateHold } from '@chasqui/store'
import type { AliveCampaign, AliveCampaigns, Ledger, Senders, TemplateStandings } from '@chasqui/store'

import type { QuietEnds } from './quiet-ends.ts'
import { MARGIN_MS } from './visit.ts'

export type SweeperOptions = {
  readonly ledger: Ledger
  readonly alive: AliveCampaigns
  readonly senders: Senders
  readonly templates: TemplateStandings
  readonly quietEnds: QuietEnds
  /** The WhatsApp Business Account of a sender this process serves; `null` for others. */
  readonly accountOf: (sender: string) => string | null
  /** How long a status is waited for before an unknown recipient is sent again, ms. */
  readonly resendWindowMs: number
  /** The queue of a sender this process serves; `null` for others. */
  readonly queueOf: (sender: string) => SendQueue | null
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
/** Webhooks must tell of events this much later than a lost attempt before their silence about it means anything, ms. */
const FLOW_MS = 10_000
/** Meta reports within seconds or not at all for long; a day later a second message would be a surprise, ms. */
const RESEND_GIVE_UP_MS = 86_400_000
const RESEND_ATTEMPTS_MAX = 4
const RELEASED_A_STEP = 500
/** A visit that was asked for waits in the queue this long before it is asked for again, ms. */
const ASK_AGAIN_MS = 2 * 60_000

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
    const campaigns = await this.#options.alive.list()
    this.#options.quietEnds.keepOnly(new Set(campaigns.map(({ id }) => id)))
    for (const campaign of campaigns) {
      if (this.#stop.signal.aborted) return
      const queue = this.#options.queueOf(campaign.sender)
      if (queue !== null) await this.#sweepCampaign(campaign, queue)
    }
  }

  async #sweepCampaign(campaign: AliveCampaign, queue: SendQueue): Promise<void> {
    await this.#reap(campaign)
    const status = await this.#statusWithTemplate(campaign)
    switch (status) {
      case 'running':
        if (this.#isOver(campaign)) await this.#finish(campaign)
        if (campaign.onUnknown === 'resend') await this.#release(campaign)
        await this.#ask(campaign, queue)
        return
      case 'paused':
        if (this.#isOver(campaign)) await this.#finish(campaign)
        else if (campaign.resumeAt !== null && campaign.resumeAt <= this.#options.now())
          await this.#goOn(campaign, queue)
        return
      case 'canceled':
        await this.#finish(campaign)
        return
      case 'completed':
        await this.#options.alive.retire(campaign.id, this.#options.now())
    }
  }

  /** Makes good what a crash left undone between what is known of a template and the campaigns that use it. */
  async #statusWithTemplate({ id, sender, status, reason, template }: AliveCampaign): Promise<string> {
    const wabaId = this.#options.accountOf(sender)
    if (wabaId === null || !(status === 'running' || (status === 'paused' && isTemplateHold(reason)))) return status
    const became = await this.#options.templates.settle(id, { wabaId, ...template })
    if (became === 'as_it_was') return status
    return became === 'held' ? 'paused' : 'running'
  }

  #isOver({ notAfter }: AliveCampaign): boolean {
    return notAfter !== null && this.#options.now() + MARGIN_MS > notAfter
  }

  async #reap({ id, sender }: AliveCampaign): Promise<void> {
    for (;;) {
      const reaped = await this.#options.ledger.reap(id, CLAIMS_A_STEP)
      if (reaped.lost > 0) this.#options.onReaped(sender, reaped.lost)
      if (reaped.completed) this.#options.onCompleted(id)
      if (reaped.claims < CLAIMS_A_STEP) return
    }
  }

  /** What is unknown is sent again while webhooks of the sender are seen to flow, for as long as they would be here. */
  async #release({ id, sender }: AliveCampaign): Promise<void> {
    const { senders, now, resendWindowMs, quietEnds } = this.#options
    const webhooksUntil = await senders.webhooksUntil(sender)
    // An outage of the status-workers holds statuses up: those of the attempt may come later than those of newer ones.
    const steadyForMs = await senders.receivedSteadilyFor(now())
    const quiet = await quietEnds.look(id, { webhooksUntil, steadyForMs })
    const steady = steadyForMs >= resendWindowMs
    const gate = {
      windowMs: resendWindowMs,
      webhooksUntil: steady ? webhooksUntil : 0,
      quiet: steady ? quiet : undefined,
      flowMs: Math.min(FLOW_MS, resendWindowMs / 2),
      giveUpMs: RESEND_GIVE_UP_MS,
      marginMs: MARGIN_MS,
      attemptsMax: RESEND_ATTEMPTS_MAX,
    }
    const { completed } = await this.#options.ledger.releaseUnknowns(id, gate, RELEASED_A_STEP)
    if (completed) this.#options.onCompleted(id)
  }

  async #goOn(campaign: AliveCampaign, queue: SendQueue): Promise<void> {
    if (!(await this.#options.alive.endHold(campaign.id))) return
    const chunks = await this.#options.ledger.overdueChunks(campaign.id, Number.MAX_SAFE_INTEGER, CHUNKS_A_PASS)
    await queue.addVisits(
      chunks.map((chunk): Visit => ({ campaign: campaign.id, chunk })),
      campaign.priority,
    )
  }

  async #ask({ id, priority }: AliveCampaign, queue: SendQueue): Promise<void> {
    const now = this.#options.now()
    const chunks = await this.#options.ledger.overdueChunks(id, now, CHUNKS_A_PASS)
    if (chunks.length === 0) return
    await queue.addVisits(
      chunks.map((chunk): Visit => ({ campaign: id, chunk })),
      priority,
    )
    await this.#options.alive.postpone(id, chunks, now + ASK_AGAIN_MS)
  }

  /** Ends what is left, chunk by chunk; chunks in flight stay on the agenda until their claims have ended. */
  async #finish(campaign: AliveCampaign): Promise<void> {
    const chunks = await this.#options.ledger.overdueChunks(campaign.id, Number.MAX_SAFE_INTEGER, CHUNKS_A_PASS)
    for (const chunk of chunks) {
      const finished = await this.#options.ledger.finishChunk(campaign.id, chunk, MARGIN_MS)
      if (finished?.completed === true) this.#options.onCompleted(campaign.id)
    }
    if (chunks.length === 0 && campaign.status === 'canceled')
      await this.#options.alive.retire(campaign.id, this.#options.now())
  }
}
