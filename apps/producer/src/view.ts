import { costOf } from '@chasqui/campaign'
import type { Cost, RateCard } from '@chasqui/campaign'
import { DISPOSITIONS, explain, pricedMessages, SETTLED_BY } from '@chasqui/delivery'
import type { Disposition } from '@chasqui/delivery'
import type { Campaign, CampaignReport, CampaignSummary, NewCampaign } from '@chasqui/store'

import type { Forecast } from './forecast.ts'

export const DELIVERIES = ['sent', 'delivered', 'read', 'failed', 'undelivered', 'held'] as const

type Counters = ReadonlyMap<string, number>

/** Ms since 1970 as upstream reads it. */
export function instant(ms: number): string
export function instant(ms: number | null): string | null
export function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/** A campaign and its report as the API answers them (contract.md). */
export function campaignView(report: CampaignReport, forecast: Forecast, cost: Cost) {
  const { campaign, counts } = report
  return {
    ...headOf(campaign),
    counts: { recipients: counts.get('recipients') ?? 0, ...countsOf(counts) },
    delivery: Object.fromEntries(DELIVERIES.map((name) => [name, counts.get(`delivery:${name}`) ?? 0])),
    errors: under(counts, 'error:'),
    failures: failuresOf(counts),
    route: { marketing_lite: counts.get('route:marketing_lite') ?? 0, marketing: counts.get('route:marketing') ?? 0 },
    unknown: {
      ...(Object.fromEntries(SETTLED_BY.map((by) => [by, counts.get(`settled:${by}`) ?? 0])) as Record<
        (typeof SETTLED_BY)[number],
        number
      >),
      kept: counts.get('unknown') ?? 0,
    },
    duplicates: counts.get('duplicates') ?? 0,
    replies: {
      taps: counts.get('reply:tap') ?? 0,
      messages: counts.get('reply:message') ?? 0,
      reactions: counts.get('reply:reaction') ?? 0,
    },
    cost: { ...cost, items: [...cost.items] },
    intake: intakeOf(counts),
    forecast: { finishAt: instant(forecast.finishAt), limitedBy: forecast.limitedBy },
    runs: report.runs.map((run) => ({ id: run.id, at: instant(run.at) })),
    spec: campaign.spec,
  }
}

export type CampaignView = ReturnType<typeof campaignView>

/** A campaign at the moment of its creation: the same answer however often the creation is asked for. */
export function createdView(
  campaign: NewCampaign & { readonly startAt: number | null; readonly notAfter: number | null },
  rateCard: RateCard | null,
): CampaignView {
  const { id, spec, createdAt, startAt, notAfter } = campaign
  const head: Campaign = {
    id,
    spec,
    sender: spec.sender,
    status: 'draft',
    reason: null,
    createdAt,
    launchedAt: null,
    startAt,
    endedAt: null,
    notAfter,
    source: id,
    parent: null,
    chunks: 0,
    recipientsUntil: null,
  }
  const report = { campaign: head, counts: new Map<string, number>(), runs: [] }
  return campaignView(report, { finishAt: null, limitedBy: 'not_started' }, costOf(rateCard, [], 0, createdAt))
}

/** What a campaign costs, at the prices of its launch; `now` (ms) stands for it before. */
export function campaignCost({ campaign, counts }: CampaignReport, rateCard: RateCard | null, now: number): Cost {
  return costOf(rateCard, pricedMessages(counts), counts.get('delivery:delivered') ?? 0, campaign.launchedAt ?? now)
}

/** Recipients that failed, by the answer to the send or by a status, with what each code means; the most first. */
function failuresOf(counts: Counters) {
  return Object.entries(under(counts, 'error:'))
    .map(([code, count]) => ({ code: Number(code), count, ...explain(Number(code)) }))
    .toSorted((left, right) => right.count - left.count || left.code - right.code)
}

export function summaryView({ campaign, recipients }: CampaignSummary) {
  return { ...headOf(campaign), counts: { recipients } }
}

/** Recipients that are still to be handed over. */
export function openOf(counts: Counters): number {
  return (counts.get('pending') ?? 0) + (counts.get('sending') ?? 0)
}

function headOf(campaign: Campaign) {
  return {
    id: campaign.id,
    name: campaign.spec.name,
    sender: campaign.sender,
    status: campaign.status,
    reason: campaign.reason,
    parent: campaign.parent,
    createdAt: instant(campaign.createdAt),
    startAt: instant(campaign.startAt),
    launchedAt: instant(campaign.launchedAt),
    endedAt: instant(campaign.endedAt),
    notAfter: instant(campaign.notAfter),
    recipientsUntil: instant(campaign.recipientsUntil),
  }
}

function countsOf(counts: Counters): Record<Disposition, number> {
  return Object.fromEntries(DISPOSITIONS.map((name) => [name, counts.get(name) ?? 0])) as Record<Disposition, number>
}

function intakeOf(counts: Counters) {
  const reasons = under(counts, 'intake:rejected:')
  return {
    rows: counts.get('intake:rows') ?? 0,
    accepted: counts.get('intake:accepted') ?? 0,
    duplicates: counts.get('intake:duplicates') ?? 0,
    rejected: Object.values(reasons).reduce((sum, count) => sum + count, 0),
    reasons,
    warnings: under(counts, 'intake:warning:'),
  }
}

function under(counts: Counters, prefix: string): Record<string, number> {
  const found = [...counts].filter(([field, count]) => field.startsWith(prefix) && count !== 0)
  return Object.fromEntries(found.map(([field, count]) => [field.slice(prefix.length), count]))
}
