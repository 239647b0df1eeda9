import { DISPOSITIONS } from '@chasqui/delivery'
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
export function campaignView(report: CampaignReport, forecast: Forecast) {
  const { campaign, counts } = report
  return {
    ...headOf(campaign),
    counts: { recipients: counts.get('recipients') ?? 0, ...countsOf(counts) },
    delivery: Object.fromEntries(DELIVERIES.map((name) => [name, counts.get(`delivery:${name}`) ?? 0])),
    errors: under(counts, 'error:'),
    route: { marketing_lite: counts.get('route:marketing_lite') ?? 0, marketing: counts.get('route:marketing') ?? 0 },
    replies: {
      taps: counts.get('reply:tap') ?? 0,
      messages: counts.get('reply:message') ?? 0,
      reactions: counts.get('reply:reaction') ?? 0,
    },
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
  return campaignView({ campaign: head, counts: new Map(), runs: [] }, { finishAt: null, limitedBy: 'not_started' })
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
