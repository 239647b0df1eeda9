import { rateInForce } from '@chasqui/delivery'
import type { Sender } from '@chasqui/runtime'
import type { CampaignReport } from '@chasqui/store'

import type { Context } from './context.ts'
import { forecast } from './forecast.ts'
import { campaignNotFound } from './problem.ts'
import { campaignCost, campaignView, openOf } from './view.ts'
import type { CampaignView } from './view.ts'

/** Rate assumed for a sender that this process does not know: Meta's default for a number, messages a second. */
const DEFAULT_RATE = 80

/** A campaign's report as the API answers it. One read of the campaign, one of its sender. */
export async function readReport(context: Context, id: string): Promise<CampaignView> {
  const report = await context.campaigns.report(id)
  if (report === null) throw campaignNotFound(id)
  return await describeReport(context, report)
}

async function describeReport(context: Context, report: CampaignReport): Promise<CampaignView> {
  const { campaign, counts } = report
  const [now, pacing] = await Promise.all([context.campaigns.now(), context.senders.pacing(campaign.sender)])
  const blocks = await context.senders.blocks(campaign.sender, now)
  const untils = [...blocks.values()].map((block) => block.until)
  return campaignView(
    report,
    forecast({
      now,
      status: campaign.status,
      open: openOf(counts),
      startAt: campaign.startAt,
      notAfter: campaign.notAfter,
      messagesPerSecond: rateInForce({ ...pacing.said, ...ratesOf(context.configured.get(campaign.sender)) })
        .messagesPerSecond,
      factor: pacing.factor,
      blockedUntil: untils.length === 0 ? null : untils.includes(null) ? 'open' : Math.max(...untils.map(Number)),
    }),
    campaignCost(report, context.rateCard, now),
  )
}

function ratesOf(sender: Sender | undefined): { readonly configured: number; readonly cap: number | null } {
  return { configured: sender?.messagesPerSecond ?? DEFAULT_RATE, cap: sender?.maxMessagesPerSecond ?? null }
}
