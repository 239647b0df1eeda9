import { createMetrics } from '@chasqui/runtime'

import { UNMATCHED_REASONS } from './lessons.ts'

const CAMPAIGN = 'One status-worker of all exports it; the campaign has not ended, or did so within the last hours.'

/** What a status-worker tells Prometheus. The `campaign` and `sendable` series come from one replica at a time. */
export function createStatusMetrics() {
  const metrics = createMetrics({ app: 'status-worker' })
  const requests = metrics.histogram({
    name: 'chasqui_webhook_request_duration_seconds',
    help: 'From the request to its answer, by the status of the answer.',
    labelNames: ['status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  })
  const unmatched = metrics.counter({
    name: 'chasqui_webhook_unmatched_total',
    help: 'Statuses, or parts of bodies, that no recipient was found for, by reason; most lie in the dead letters.',
    labelNames: ['reason'] as const,
  })
  // The first of a kind is an increase, too, for who asks Prometheus for increases.
  for (const reason of UNMATCHED_REASONS) unmatched.inc({ reason }, 0)
  // Looking a series up by its labels costs more than observing it; there are a handful.
  const byStatus = new Map<number, ReturnType<typeof requests.labels>>()
  return {
    registry: metrics.registry,
    observeRequest: (status: number, seconds: number): void => {
      let series = byStatus.get(status)
      if (series === undefined) byStatus.set(status, (series = requests.labels({ status: String(status) })))
      series.observe(seconds)
    },
    events: metrics.counter({
      name: 'chasqui_webhook_events_total',
      help: 'Statuses folded, by what they say; other kinds of events by their kind.',
      labelNames: ['status'] as const,
    }),
    lag: metrics.histogram({
      name: 'chasqui_webhook_lag_seconds',
      help: 'From the event, by the time Meta gives it in whole seconds, to its fold.',
      buckets: [0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200, 259_200],
    }),
    unmatched,
    notices: metrics.counter({
      name: 'chasqui_webhook_notices_total',
      help: 'Events about templates, accounts and numbers that say something about sending, by what came of them.',
      labelNames: ['about', 'result'] as const,
    }),
    echoesUncounted: metrics.counter({
      name: 'chasqui_replies_uncounted_total',
      help: 'Replies and clicks beyond what can be told apart: more than a million of one day.',
    }),
    refused: metrics.counter({
      name: 'chasqui_webhook_refused_total',
      help: 'Requests that were not taken in, by reason.',
      labelNames: ['reason'] as const,
    }),
    failed: metrics.counter({
      name: 'chasqui_failed_messages_total',
      help: 'Recipients that a status has told to have failed, each once, by code; `other`: codes that nobody knows.',
      labelNames: ['sender', 'code'] as const,
    }),
    accountErrors: metrics.counter({
      name: 'chasqui_webhook_account_errors_total',
      help: 'Errors told of a number or its account, not of a message (value.errors), by code; sender `other`: not one of ours.',
      labelNames: ['sender', 'code'] as const,
    }),
    lateProofs: metrics.counter({
      name: 'chasqui_late_proofs_total',
      help: 'Statuses that proved a send of a recipient thought to have ended otherwise.',
    }),
    undelivered: metrics.counter({
      name: 'chasqui_undelivered_inferred_total',
      help: "Messages taken for undelivered because their template's TTL passed without word of them; some may be taken back.",
    }),
    troubles: metrics.counter({
      name: 'chasqui_fold_troubles_total',
      help: 'Batches that could not be folded because Redis was away or refused; each is tried again.',
    }),
    backlog: metrics.gauge({
      name: 'chasqui_webhook_backlog_entries',
      help: 'Entries of the webhook log that are not folded yet; the same in every replica.',
    }),
    deadLetters: metrics.gauge({
      name: 'chasqui_webhook_dead_letters',
      help: 'Dead letters kept; the same in every replica.',
    }),
    deadLetterBytes: metrics.gauge({
      name: 'chasqui_webhook_dead_letter_bytes',
      help: 'What the dead letters take in Redis, about; the same in every replica.',
    }),
    deadLettersForgotten: metrics.counter({
      name: 'chasqui_webhook_dead_letters_forgotten_total',
      help: 'Dead letters that went because there were too many: they can not be replayed any more.',
    }),
    exporter: metrics.gauge({
      name: 'chasqui_campaign_exporter',
      help: '1 in the one replica that exports the series of campaigns.',
    }),
    recipients: metrics.gauge({
      name: 'chasqui_campaign_recipients',
      help: `Recipients by where they stand. ${CAMPAIGN}`,
      labelNames: ['campaign', 'disposition'] as const,
    }),
    messages: metrics.gauge({
      name: 'chasqui_campaign_messages',
      help: `Accepted messages by what is known of them, cumulative. ${CAMPAIGN}`,
      labelNames: ['campaign', 'status'] as const,
    }),
    replies: metrics.gauge({
      name: 'chasqui_campaign_replies',
      help: `Answers to its messages, each once: taps of buttons, messages, reactions. ${CAMPAIGN}`,
      labelNames: ['campaign', 'kind'] as const,
    }),
    duplicates: metrics.gauge({
      name: 'chasqui_duplicates_detected',
      help: 'Recipients with two attempts proven to have reached the endpoint, in the campaigns in sight. One status-worker of all exports it.',
      labelNames: ['sender'] as const,
    }),
    settled: metrics.gauge({
      name: 'chasqui_unknown_settled',
      help: 'Recipients whose answer was lost, by what settled them, in the campaigns in sight. One status-worker of all exports it.',
      labelNames: ['sender', 'by'] as const,
    }),
    senderReplies: metrics.gauge({
      name: 'chasqui_sender_replies',
      help: 'What people wrote to the number, each once, since ever. One status-worker of all exports it.',
      labelNames: ['sender', 'kind'] as const,
    }),
    senderClicks: metrics.gauge({
      name: 'chasqui_sender_clicks',
      help: 'Clicks that Meta saw, each once, since ever; Meta does not tell whose. One status-worker of all exports it.',
      labelNames: ['sender', 'kind'] as const,
    }),
    cost: metrics.gauge({
      name: 'chasqui_campaign_cost',
      help: `What the delivered messages cost by the rate card, in its currency, those without a price aside; none without a card. ${CAMPAIGN}`,
      labelNames: ['campaign', 'currency'] as const,
    }),
    billable: metrics.gauge({
      name: 'chasqui_campaign_billable_messages',
      help: `Delivered messages that Meta bills, by its category. ${CAMPAIGN}`,
      labelNames: ['campaign', 'category'] as const,
    }),
    unpriced: metrics.gauge({
      name: 'chasqui_campaign_unpriced_messages',
      help: `Billable messages that the rate card has no price for; all of them without a card. ${CAMPAIGN}`,
      labelNames: ['campaign'] as const,
    }),
    failures: metrics.gauge({
      name: 'chasqui_campaign_failures',
      help: `Recipients that failed, by the answer to the send or by a status, by code: the ten most frequent, and \`other\`. ${CAMPAIGN}`,
      labelNames: ['campaign', 'code'] as const,
    }),
    eta: metrics.gauge({
      name: 'chasqui_campaign_finish_eta_seconds',
      help: `Seconds until everybody has been handed over, at the pace of the last minute, or at the limit of the sender before anything moves; none while it stands. ${CAMPAIGN}`,
      labelNames: ['campaign'] as const,
    }),
    slack: metrics.gauge({
      name: 'chasqui_campaign_deadline_slack_seconds',
      help: `Seconds between that end, or the end it would come to if it went on now, and the last safe moment of hand-over; below zero: it will be missed. ${CAMPAIGN}`,
      labelNames: ['campaign'] as const,
    }),
    notAfter: metrics.gauge({
      name: 'chasqui_campaign_not_after_timestamp_seconds',
      help: `The last safe moment of hand-over, seconds since 1970; only of campaigns that have one and have not ended. ${CAMPAIGN}`,
      labelNames: ['campaign'] as const,
    }),
    standing: metrics.gauge({
      name: 'chasqui_campaign_standing',
      help: `1 while a campaign with a deadline and work left does not move before somebody does something, by reason. ${CAMPAIGN}`,
      labelNames: ['campaign', 'reason'] as const,
    }),
    sendable: metrics.gauge({
      name: 'chasqui_sendable_messages',
      help: `Recipients of running campaigns that wait to be sent to. ${CAMPAIGN}`,
      labelNames: ['sender'] as const,
    }),
    dropped: metrics.gauge({
      name: 'chasqui_campaign_series_dropped',
      help: 'Campaigns in sight that are not exported, for there are too many.',
    }),
  }
}

export type StatusMetrics = ReturnType<typeof createStatusMetrics>
