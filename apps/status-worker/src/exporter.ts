import { costOf } from '@chasqui/campaign'
import type { RateCard } from '@chasqui/campaign'
import { DISPOSITIONS, pricedMessages, SETTLED_BY } from '@chasqui/delivery'
import { pause } from '@chasqui/runtime'
import { CLICK_KINDS, REPLY_KINDS } from '@chasqui/store'
import type { CampaignSight, DeadLetters, EchoCounts, Lease, WebhookLog } from '@chasqui/store'

import type { Conditions } from './conditions.ts'
import type { StatusMetrics } from './metrics.ts'
import { aheadOf, outlook } from './outlook.ts'
import type { SenderOutlook } from './outlook.ts'
import { Paces } from './pace.ts'

export type ExporterOptions = {
  readonly metrics: StatusMetrics
  readonly lease: Lease
  readonly log: WebhookLog
  readonly letters: DeadLetters
  readonly inSight: (
    most: number,
    now: number,
  ) => Promise<{ readonly seen: readonly CampaignSight[]; readonly total: number }>
  /** What keeps campaigns of these senders from moving, at `now` (ms). */
  readonly conditions: (senders: ReadonlySet<string>, now: number) => Promise<Conditions>
  /** Phone number id -> sender of this installation, as they are now. */
  readonly senders: ReadonlyMap<string, string>
  readonly echoesOf: (sender: string) => Promise<EchoCounts>
  /** What messages cost; `null`: nobody has said. */
  readonly rateCard: RateCard | null
  /** Ms since 1970. */
  readonly now: () => number
  readonly onTrouble: (error: unknown) => void
}

type SenderEchoes = EchoCounts & { readonly sender: string }

/** Campaigns exported, at most; each is some 24 series, 35 with many codes of failure. */
const CAMPAIGNS_MAX = 200
const EVERY_MS = 2_000
/** A sender that is configured elsewhere. */
const UNKNOWN_SENDER: SenderOutlook = { rate: null, stands: null, restsUntil: 0 }
/** Codes shown of one campaign. */
const CODES_MAX = 10
const STATUSES = ['sent', 'delivered', 'read', 'failed', 'undelivered', 'held'] as const

/**
 * Shows the campaigns in sight to Prometheus. One replica does it for all: sums over replicas would double otherwise.
 * Who loses the lease forgets its series at once.
 */
export class Exporter {
  readonly #options: ExporterOptions
  readonly #stop = new AbortController()
  readonly #paces = new Paces()
  /** Until when no other replica can have the lease, ms. */
  #mineUntil = 0
  #running: Promise<void> = Promise.resolve()

  constructor(options: ExporterOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#loop()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#options.lease.release().catch(this.#options.onTrouble)
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#lookAtLog()
        await this.#look()
      } catch (error) {
        this.#options.onTrouble(error)
        if (this.#options.now() >= this.#mineUntil) this.#yield()
      }
      await pause(EVERY_MS, this.#stop.signal)
    }
  }

  async #lookAtLog(): Promise<void> {
    const { metrics, log, letters } = this.#options
    const [{ unfolded }, kept, bytes] = await Promise.all([log.backlog(), letters.count(), letters.bytes()])
    metrics.backlog.set(unfolded)
    metrics.deadLetters.set(kept)
    metrics.deadLetterBytes.set(bytes)
  }

  async #look(): Promise<void> {
    const { metrics, lease, inSight, conditions, now } = this.#options
    const asked = now()
    if (!(await lease.hold())) return this.#yield()
    this.#mineUntil = asked + lease.ms
    metrics.exporter.set(1)
    const { seen, total } = await inSight(CAMPAIGNS_MAX, now())
    const { halted, senders } = await conditions(new Set(seen.map(({ sender }) => sender)), now())
    const running = Map.groupBy(
      seen.filter(({ status }) => status === 'running'),
      ({ sender }) => sender,
    )
    const echoes = await this.#echoes()
    // Nothing is awaited from here on: a scrape sees the old series or the new ones, not half of each.
    this.#forget()
    for (const sender of new Set(seen.map((campaign) => campaign.sender))) this.#showOutcomes(sender, seen)
    for (const campaign of seen) {
      this.#show(campaign)
      const others = (running.get(campaign.sender) ?? []).filter(({ id }) => id !== campaign.id)
      this.#showOutlook(campaign, others, senders.get(campaign.sender) ?? UNKNOWN_SENDER, halted)
    }
    this.#showSendable(seen)
    for (const echo of echoes) this.#showEchoes(echo)
    metrics.dropped.set(Math.max(0, total - seen.length))
    this.#paces.keepOnly(new Set(seen.map(({ id }) => id)))
  }

  /** Another replica shows the campaigns now, or may do so: without Redis the lease runs out unseen. */
  #yield(): void {
    this.#mineUntil = 0
    this.#options.metrics.exporter.set(0)
    this.#forget()
  }

  #forget(): void {
    const { metrics } = this.#options
    const { recipients, messages, replies, cost, billable, unpriced, failures } = metrics
    const { eta, slack, notAfter, standing, sendable, dropped, senderReplies, senderClicks } = metrics
    const { duplicates, settled } = metrics
    const numbers = [recipients, messages, replies, cost, billable, unpriced, failures, senderReplies, senderClicks]
    const gauges = [...numbers, eta, slack, notAfter, standing, sendable, dropped, duplicates, settled]
    for (const gauge of gauges) gauge.reset()
  }

  #show(sight: CampaignSight): void {
    const { id: campaign, counts } = sight
    const { metrics } = this.#options
    this.#showCost(sight)
    for (const [code, recipients] of failuresByCode(counts)) metrics.failures.set({ campaign, code }, recipients)
    for (const disposition of DISPOSITIONS)
      metrics.recipients.set({ campaign, disposition }, counts.get(disposition) ?? 0)
    for (const what of STATUSES) metrics.messages.set({ campaign, status: what }, counts.get(`delivery:${what}`) ?? 0)
    for (const kind of REPLY_KINDS) metrics.replies.set({ campaign, kind }, counts.get(`reply:${kind}`) ?? 0)
  }

  /** Sums of what the ledgers count, so a fold that is done twice counts once here too. */
  #showOutcomes(sender: string, seen: readonly CampaignSight[]): void {
    const { duplicates, settled } = this.#options.metrics
    const own = seen.filter((campaign) => campaign.sender === sender)
    const sum = (field: string): number => own.reduce((total, { counts }) => total + (counts.get(field) ?? 0), 0)
    duplicates.set({ sender }, sum('duplicates'))
    for (const by of SETTLED_BY) settled.set({ sender, by }, sum(`settled:${by}`))
  }

  #showOutlook(
    sight: CampaignSight,
    others: readonly CampaignSight[],
    sender: SenderOutlook,
    halted: Conditions['halted'],
  ): void {
    const { metrics, now } = this.#options
    const { id: campaign, status, notAfter, startAt } = sight
    const pending = pendingOf(sight)
    this.#paces.note(campaign, now(), (sight.counts.get('recipients') ?? 0) - pending)
    const ahead = aheadOf(pending, [pending, ...others.map(pendingOf)])
    const pace = this.#paces.of(campaign)
    const { eta, slack, standing } = outlook({
      now: now(),
      status,
      pending,
      pace,
      startAt,
      notAfter,
      ahead,
      sender,
      halted,
    })
    if (eta !== null) metrics.eta.set({ campaign }, eta)
    if (slack === null) return
    metrics.slack.set({ campaign }, slack)
    if (notAfter !== null) metrics.notAfter.set({ campaign }, notAfter / 1_000)
    if (standing !== null) metrics.standing.set({ campaign, reason: standing }, 1)
  }

  async #echoes(): Promise<SenderEchoes[]> {
    const { senders, echoesOf } = this.#options
    const ids = [...senders.values()]
    return await Promise.all(ids.map(async (sender) => ({ sender, ...(await echoesOf(sender)) })))
  }

  #showEchoes({ sender, replies, clicks }: SenderEchoes): void {
    const { senderReplies, senderClicks } = this.#options.metrics
    for (const kind of REPLY_KINDS) senderReplies.set({ sender, kind }, replies[kind])
    for (const kind of CLICK_KINDS) senderClicks.set({ sender, kind }, clicks[kind])
  }

  #showCost({ id: campaign, counts, launchedAt }: CampaignSight): void {
    const { metrics, rateCard, now } = this.#options
    const priced = pricedMessages(counts)
    const { currency, amount, unpriced } = costOf(rateCard, priced, 0, launchedAt ?? now())
    if (currency !== null) metrics.cost.set({ campaign, currency }, Number(amount))
    metrics.unpriced.set({ campaign }, unpriced)
    for (const { kind, messages } of priced)
      if (kind !== 'free') metrics.billable.inc({ campaign, category: kind }, messages)
  }

  #showSendable(seen: readonly CampaignSight[]): void {
    const bySender = new Map<string, number>()
    for (const { sender, status, counts } of seen) {
      bySender.set(sender, (bySender.get(sender) ?? 0) + (status === 'running' ? (counts.get('pending') ?? 0) : 0))
    }
    for (const [sender, messages] of bySender) this.#options.metrics.sendable.set({ sender }, messages)
  }
}

function pendingOf({ counts }: CampaignSight): number {
  return counts.get('pending') ?? 0
}

/** Failed recipients by code, the most first; those beyond {@link CODES_MAX} codes together as `other`. */
export function failuresByCode(counts: ReadonlyMap<string, number>): Map<string, number> {
  const failures = [...counts]
    .filter(([field, recipients]) => field.startsWith('error:') && recipients > 0)
    .map(([field, recipients]) => [field.slice('error:'.length), recipients] as const)
    .toSorted(([, left], [, right]) => right - left)
  const other = failures.slice(CODES_MAX).reduce((sum, [, recipients]) => sum + recipients, 0)
  return new Map([...failures.slice(0, CODES_MAX), ...(other > 0 ? [['other', other] as const] : [])])
}
