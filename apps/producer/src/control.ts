import { stepFor, timingOf } from '@chasqui/campaign'
import type { Order, Status } from '@chasqui/campaign'
import type { Firing, ScheduleQueue, SendQueue } from '@chasqui/queue'
import { isTemplateHold } from '@chasqui/store'
import type { Campaign, Campaigns, Runs, SenderPauses, TemplateId, TemplateStandings } from '@chasqui/store'

import { campaignNotFound, Problem } from './problem.ts'
import { within } from './within.ts'

export type ControlOptions = {
  readonly campaigns: Campaigns
  readonly runs: Runs
  readonly pauses: SenderPauses
  readonly schedule: ScheduleQueue
  readonly templates: TemplateStandings
  /** The WhatsApp Business Account of a sender; `null` for one that is not configured here. */
  readonly accountOf: (sender: string) => string | null
  /** `null` for a sender that is not configured here. */
  readonly queueOf: (sender: string) => SendQueue | null
  /** Told of what went wrong without harm: a sweeper or the next reconciliation makes up for it. */
  readonly onTrouble: (error: unknown, what: string, campaign: string) => void
}

/** Chunks asked for at a time; more would only grow the pipeline's buffers. */
const VISITS_A_STEP = 500
/** A call does not wait longer than this for a queue, ms: the sweeper or the next reconciliation adds what is missing. */
const QUEUE_PATIENCE_MS = 10_000
/** How far a firing may come before its time by Redis' clock (the worker's own may be ahead), ms. */
const EARLY_MS = 1_000

/** Moves campaigns on orders from upstream and from the clock. Every move is a compare-and-set, so orders may be repeated. */
export class Control {
  readonly #options: ControlOptions

  constructor(options: ControlOptions) {
    this.#options = options
  }

  /** @throws Problem `wrong_status`, `campaign_empty`, `campaign_expired`. */
  async launch(id: string): Promise<void> {
    const campaign = await this.#read(id)
    if (campaign.parent !== null) throw new Problem('wrong_status', 'a run of a recurring campaign starts by itself')
    // The script that moves it decides; asked here first, so that a refused draft is not listed as alive.
    const report = await this.#options.campaigns.report(id)
    if (campaign.status === 'draft' && (report?.counts.get('recipients') ?? 0) === 0) throw empty()
    await this.#order('launch', campaign, '')
  }

  async pause(id: string, caller: string): Promise<void> {
    await this.#order('pause', await this.#read(id), `api:${caller}`)
  }

  /** Whoever resumes what was held for its template knows better than what was last heard of the template. */
  async resume(id: string): Promise<void> {
    const campaign = await this.#read(id)
    const template = this.#templateOf(campaign)
    if (campaign.status === 'paused' && isTemplateHold(campaign.reason) && template !== null)
      await this.#options.templates.overrule(template, await this.#options.campaigns.now())
    await this.#order('resume', campaign, '')
  }

  /** From the answer on nothing more is claimed; what is left becomes `canceled` in steps. */
  async cancel(id: string, caller: string): Promise<void> {
    const campaign = await this.#read(id)
    await this.#order('cancel', campaign, `api:${caller}`)
    await this.#options.schedule
      .forget(id, campaign.startAt)
      .catch((error: unknown) => this.#options.onTrouble(error, 'schedule not forgotten', id))
  }

  /** A campaign's time has come. May be called more than once for one firing, from several processes. */
  async fire(firing: Firing): Promise<void> {
    const campaign = await this.#options.campaigns.read(firing.campaign)
    if (campaign === null || campaign.status !== 'scheduled') return
    const now = await this.#options.campaigns.now()
    if (firing.at - EARLY_MS > now)
      throw new Error(`firing of ${firing.campaign} came ${firing.at - now} ms early: a clock is ahead`)
    if (firing.recurring) return await this.#fireRun(campaign, firing.at, now)
    await this.#move(campaign, 'scheduled', 'running', '')
    await this.visit(campaign)
  }

  /**
   * See to it that every scheduled campaign will be fired, also when a process died between its launch and its schedule,
   * and that no campaign stays barred by a pause of its sender that is over.
   */
  async reconcile(): Promise<void> {
    const senders = new Set<string>()
    for (const id of await this.#options.campaigns.alive()) {
      const campaign = await this.#options.campaigns.read(id)
      if (campaign?.status === 'scheduled') await this.#schedule(campaign)
      if (campaign !== null) senders.add(campaign.sender)
    }
    for (const sender of senders) await this.#visitThose(await this.#options.pauses.letGo(sender))
  }

  /** From the answer on nothing of the sender is claimed; deadlines go on. Returns the messages on the wire. */
  async pauseSender(sender: string, reason: string, caller: string): Promise<number> {
    return (await this.#options.pauses.pause(sender, reason, `api:${caller}`)).inFlight
  }

  async resumeSender(sender: string): Promise<void> {
    await this.#visitThose((await this.#options.pauses.resume(sender)).freed)
  }

  /** Bring a running campaign's chunks to the workers. Losing or doubling a visit is harmless. */
  async visit(campaign: Campaign): Promise<void> {
    // Before any visit: nothing is claimed of a campaign whose template was stopped before it ran.
    const template = this.#templateOf(campaign)
    if (template !== null && (await this.#options.templates.settle(campaign.id, template)) === 'held') return
    const queue = this.#options.queueOf(campaign.sender)
    if (queue === null)
      return this.#options.onTrouble(new Error(`no sender ${campaign.sender} here`), 'not queued', campaign.id)
    await inTime(this.#visitAll(campaign, queue)).catch((error: unknown) => {
      this.#options.onTrouble(error, 'visits not queued', campaign.id)
    })
  }

  #templateOf({ sender, spec }: Campaign): TemplateId | null {
    const wabaId = this.#options.accountOf(sender)
    return wabaId === null ? null : { wabaId, name: spec.template.name, language: spec.template.language }
  }

  async #visitThose(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const campaign = await this.#options.campaigns.read(id)
      if (campaign?.status === 'running') await this.visit(campaign)
    }
  }

  async #visitAll(campaign: Campaign, queue: SendQueue): Promise<void> {
    for (let from = 0; ; from += VISITS_A_STEP) {
      const chunks = await this.#options.campaigns.chunksWithWork(campaign.id, from, VISITS_A_STEP)
      if (chunks.length > 0)
        await queue.addVisits(
          chunks.map((chunk) => ({ campaign: campaign.id, chunk })),
          campaign.spec.priority,
        )
      if (chunks.length < VISITS_A_STEP) return
    }
  }

  async #fireRun(parent: Campaign, at: number, now: number): Promise<void> {
    if (parent.notAfter !== null && now >= parent.notAfter) {
      await this.#options.schedule.forget(parent.id, null)
      await this.#options.campaigns.move({
        id: parent.id,
        from: 'scheduled',
        to: 'completed',
        reason: 'its last safe moment has passed',
      })
      return
    }
    const prepared = await this.#options.runs.prepare(parent, at)
    if (prepared.kind === 'stopped') return
    const run = await this.#read(prepared.id)
    if (run.status !== 'draft') return
    await this.#enliven(run)
    const reply = await this.#options.campaigns.move({ id: run.id, from: 'draft', to: 'running', sendable: true })
    if (reply.kind === 'empty')
      await this.#options.campaigns.move({ id: run.id, from: 'draft', to: 'completed', reason: 'it had no recipients' })
    if (reply.kind === 'moved' || reply.kind === 'already') await this.visit(run)
  }

  async #order(order: Order, campaign: Campaign, reason: string): Promise<void> {
    for (let found = campaign; ; found = await this.#read(campaign.id)) {
      const timing = timingOf(found.spec.schedule, await this.#options.campaigns.now())
      const step = stepFor(order, found.status, timing)
      if (step.kind === 'refused')
        throw new Problem('wrong_status', `a ${step.status} campaign cannot be ordered to ${order}`, {
          campaignStatus: step.status,
        })
      // Given twice, the order is carried out again where that may be missing: the first time may have ended half-way.
      const { from, to } = step.kind === 'move' ? step : { from: step.status, to: step.status }
      // A pause is told to the store in any case: a campaign that is held for a while must not go on by itself now.
      const holds = step.kind === 'already' && order !== 'pause'
      if (holds || (await this.#move(found, from, to, reason, order === 'launch'))) return await this.#follow(found, to)
    }
  }

  /** What a status brings with it. */
  async #follow(campaign: Campaign, status: Status): Promise<void> {
    if (status === 'running') await this.visit(campaign)
    if (status === 'scheduled') await this.#schedule(campaign)
  }

  async #schedule(campaign: Campaign): Promise<void> {
    const { schedule } = campaign.spec
    if (schedule?.cron !== undefined)
      await inTime(this.#options.schedule.repeat(campaign.id, schedule.cron, schedule.timezone ?? 'UTC'))
    else if (campaign.startAt !== null) await inTime(this.#options.schedule.startAt(campaign.id, campaign.startAt))
  }

  /** True when it is in `to` now, by us or by somebody who was given the same order; false when it has to be looked at again. */
  async #move(campaign: Campaign, from: Status, to: Status, reason: string, sendable = false): Promise<boolean> {
    await this.#enliven(campaign)
    const reply = await this.#options.campaigns.move({ id: campaign.id, from, to, reason, sendable })
    switch (reply.kind) {
      case 'moved':
      case 'already':
        return true
      case 'changed':
        return false
      case 'missing':
        throw campaignNotFound(campaign.id)
      case 'empty':
        throw empty()
      case 'expired':
        throw new Problem('campaign_expired', 'the last moment at which its messages may be handed over has passed', {
          notAfter: campaign.notAfter === null ? null : new Date(campaign.notAfter).toISOString(),
        })
    }
  }

  /** Before it runs: a campaign that runs and is in no list would be swept by nobody, and missed by a pause of its sender. */
  async #enliven({ id, sender }: Campaign): Promise<void> {
    await this.#options.campaigns.enliven(id)
    await this.#options.pauses.cover(id, sender)
  }

  async #read(id: string): Promise<Campaign> {
    const campaign = await this.#options.campaigns.read(id)
    if (campaign === null) throw campaignNotFound(id)
    return campaign
  }
}

function empty(): Problem {
  return new Problem('campaign_empty', 'the campaign has no recipients')
}

async function inTime(work: Promise<void>): Promise<void> {
  if (await within(QUEUE_PATIENCE_MS, work)) return
  throw new Problem('store_unavailable', `the queue did not answer within ${QUEUE_PATIENCE_MS} ms`)
}
