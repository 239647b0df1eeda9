import type { Page, Row } from './page.ts'

/** The recipients of the chosen campaigns in one disposition, or all of them. */
const recipients = (disposition?: string): string => {
  const matchers = disposition === undefined ? '' : `,disposition="${disposition}"`
  return `sum(campaign_disposition:chasqui_campaign_recipients:max{campaign=~"$campaign"${matchers}})`
}

const messages = (status: string): string =>
  `sum(campaign_status:chasqui_campaign_messages:max{campaign=~"$campaign",status="${status}"})`

const now: Row = {
  title: 'Now',
  panels: [
    {
      kind: 'bars',
      title: 'Funnel',
      description:
        'How far the recipients of the chosen campaigns have come. Each bar is a part of the one above it: whoever read it also got it.',
      unit: 'short',
      width: 10,
      queries: [
        { legend: 'recipients', expr: recipients() },
        { legend: 'accepted', expr: recipients('accepted') },
        { legend: 'sent', expr: messages('sent') },
        { legend: 'delivered', expr: messages('delivered') },
        { legend: 'read', expr: messages('read') },
      ],
    },
    {
      kind: 'number',
      title: 'Recipients by disposition',
      description: 'Every recipient is in exactly one of these. `unknown` lost its answer and waits for a status.',
      unit: 'short',
      width: 8,
      queries: [
        {
          legend: '{{disposition}}',
          expr: 'sum by (disposition) (campaign_disposition:chasqui_campaign_recipients:max{campaign=~"$campaign"})',
        },
      ],
    },
    {
      kind: 'number',
      title: 'Next end, tightest deadline',
      description:
        'Seconds until the last of the chosen campaigns ends at the present pace, and the least time any of them has left before its deadline (negative: late).',
      unit: 's',
      width: 3,
      queries: [
        { legend: 'to the end', expr: 'max(chasqui_campaign_finish_eta_seconds{campaign=~"$campaign"})' },
        { legend: 'to spare', expr: 'min(chasqui_campaign_deadline_slack_seconds{campaign=~"$campaign"})' },
      ],
    },
    {
      kind: 'number',
      title: 'Alerts',
      description: 'Alerts that fire now. Each has a page in infra/runbook.',
      unit: 'none',
      width: 3,
      queries: [{ legend: 'firing', expr: 'count(ALERTS{alertstate="firing"}) or vector(0)' }],
    },
  ],
}

const progress: Row = {
  title: 'Progress',
  panels: [
    {
      kind: 'stack',
      title: 'Dispositions over time',
      description: '`pending` melts, `accepted` grows. `expired` is final: these people get no message.',
      unit: 'short',
      width: 12,
      queries: [
        {
          legend: '{{disposition}}',
          expr: 'sum by (disposition) (campaign_disposition:chasqui_campaign_recipients:max{campaign=~"$campaign"})',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Delivery over time',
      description:
        'What statuses have told. `undelivered` is our own inference: the template lived out its time without `delivered`.',
      unit: 'short',
      width: 12,
      queries: [
        {
          legend: '{{status}}',
          expr: 'sum by (status) (campaign_status:chasqui_campaign_messages:max{campaign=~"$campaign"})',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Time to the end',
      description: 'Forecast at the present pace. A campaign that is paused or blocked has none.',
      unit: 's',
      width: 8,
      queries: [
        {
          legend: '{{campaign}}',
          expr: 'max by (campaign) (chasqui_campaign_finish_eta_seconds{campaign=~"$campaign"})',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Time to spare before the deadline',
      description:
        'Below zero the rest of the campaign will expire. Of one that stands still: what would be left if it went on now. Only campaigns with a deadline have a line.',
      unit: 's',
      width: 8,
      queries: [
        {
          legend: '{{campaign}}',
          expr: 'max by (campaign) (chasqui_campaign_deadline_slack_seconds{campaign=~"$campaign"})',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Unknown outcomes',
      description:
        'Share of handed-over messages whose answer was lost and that no status has settled. It should fall back to nothing within minutes.',
      unit: 'percentunit',
      width: 8,
      queries: [{ legend: '{{campaign}}', expr: 'campaign:chasqui_unknown:ratio{campaign=~"$campaign"}' }],
    },
  ],
}

const money: Row = {
  title: 'Money and failures',
  panels: [
    {
      kind: 'number',
      title: 'Cost',
      description:
        'Of the delivered messages, by the rate card, at the prices of the launch. Without a rate card there is none; what it has no price for is beside it.',
      unit: 'short',
      width: 6,
      queries: [
        {
          legend: '{{currency}}',
          expr: 'sum by (currency) (max by (campaign, currency) (chasqui_campaign_cost{campaign=~"$campaign"}))',
        },
      ],
    },
    {
      kind: 'number',
      title: 'Billable messages',
      description: 'Delivered messages that Meta bills, by its category, and those of them that have no price.',
      unit: 'short',
      width: 6,
      queries: [
        {
          legend: '{{category}}',
          expr: 'sum by (category) (max by (campaign, category) (chasqui_campaign_billable_messages{campaign=~"$campaign"}))',
        },
        {
          legend: 'no price',
          expr: 'sum(max by (campaign) (chasqui_campaign_unpriced_messages{campaign=~"$campaign"}))',
        },
      ],
    },
    {
      kind: 'stack',
      title: 'Failed recipients by code',
      description:
        'By the answer to the send or by a status; the ten most frequent codes of each campaign. The report says what each means and what to do.',
      unit: 'short',
      width: 12,
      queries: [
        {
          legend: '{{code}}',
          expr: 'sum by (code) (max by (campaign, code) (chasqui_campaign_failures{campaign=~"$campaign"}))',
        },
      ],
    },
  ],
}

const sending: Row = {
  title: 'Sending',
  panels: [
    {
      kind: 'lines',
      title: 'Rate against limit',
      description:
        'Requests that got an outcome, a second, and what the sender may do. Well below the limit while work waits: too few workers, a slow endpoint or a block.',
      unit: 'reqps',
      width: 12,
      queries: [
        { legend: '{{sender}}', expr: 'sender:chasqui_messages:rate1m{sender=~"$sender"}' },
        { legend: '{{sender}} limit', expr: 'sender:chasqui_sender_rate_limit:max{sender=~"$sender"}' },
      ],
    },
    {
      kind: 'stack',
      title: 'Outcomes',
      description:
        'What became of the recipients asked for. `unknown`: no readable answer, the message may have been sent. `released`: surely not sent, tried again.',
      unit: 'reqps',
      width: 12,
      queries: [
        {
          legend: '{{outcome}}',
          expr: 'sum by (outcome) (sender_outcome:chasqui_messages:rate1m{sender=~"$sender"})',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Errors by code',
      description:
        'Answers that were no acceptance, a second. 130429: too fast. 190: the token. 132xxx: the template or its parameters. `lost`: no readable answer.',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          legend: '{{sender}} {{code}}',
          expr: 'sender_code:chasqui_send_errors:rate5m{sender=~"$sender"}',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Duration of a request',
      description: 'From the first byte to the answer, over all senders. Meta named 9 s as the usual 99th percentile.',
      unit: 's',
      width: 8,
      queries: percentiles('chasqui_send_duration_seconds_bucket', [0.5, 0.95, 0.99]),
    },
    {
      kind: 'lines',
      title: 'Work that waits',
      description: 'Messages that could be handed over now if the rate allowed it.',
      unit: 'short',
      width: 8,
      queries: [{ legend: '{{sender}}', expr: 'sender:chasqui_sendable_messages:max{sender=~"$sender"}' }],
    },
    {
      kind: 'states',
      title: 'Blocked senders',
      description:
        'Red: nothing is handed over, for the reason named, by this sender or by all. `code_<n>` is what the endpoint answered; `none` is a sender that may send.',
      unit: 'none',
      width: 8,
      queries: [
        {
          legend: '{{sender}} {{reason}}',
          expr: 'sender_reason:chasqui_sender_blocked:max{sender=~"$sender"}',
        },
        {
          legend: 'everything stopped',
          expr: 'min(chasqui_claims_forbidden)',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Queue depth',
      description: 'Visits, each of a chunk of up to 500 recipients. Waiting without active: nobody works on it.',
      unit: 'short',
      width: 8,
      queries: [{ legend: '{{queue}} {{state}}', expr: 'queue_state:chasqui_queue_jobs:max' }],
    },
    {
      kind: 'lines',
      title: 'Claimed and not answered',
      description: 'Recipients each send-worker has in its hands: what would become `unknown` if it were killed now.',
      unit: 'short',
      width: 8,
      queries: [{ legend: '{{instance}}', expr: 'chasqui_send_claimed_messages' }],
    },
  ],
}

const statuses: Row = {
  title: 'Statuses coming back',
  panels: [
    {
      kind: 'stack',
      title: 'Statuses',
      description: 'Statuses folded, a second. None while messages are accepted: Meta does not reach us.',
      unit: 'reqps',
      width: 8,
      queries: [
        { legend: '{{status}}', expr: 'sum by (status) (rate(chasqui_webhook_events_total[$__rate_interval]))' },
      ],
    },
    {
      kind: 'lines',
      title: 'Lag of statuses',
      description: "From a status' own time, which has whole seconds, to our numbers. Meta's delay is in it.",
      unit: 's',
      width: 8,
      queries: percentiles('chasqui_webhook_lag_seconds_bucket', [0.5, 0.95, 0.99]),
    },
    {
      kind: 'lines',
      title: 'Statuses not folded yet',
      description:
        'Entries of the webhook log that wait to be folded. A line that only climbs: the fold is stuck or too slow.',
      unit: 'short',
      width: 8,
      queries: [
        { legend: 'waiting', expr: 'max(chasqui_webhook_backlog_entries)' },
        { legend: 'dead letters kept', expr: 'max(chasqui_webhook_dead_letters)' },
        {
          legend: 'dead letters thrown away an hour',
          expr: 'sum(increase(chasqui_webhook_dead_letters_forgotten_total[1h]))',
        },
      ],
    },
    {
      kind: 'stack',
      title: 'Webhook calls',
      description: '401: wrong signature (a rotated secret?). 503: could not be stored; Meta repeats it.',
      unit: 'reqps',
      width: 8,
      queries: [
        {
          legend: '{{status}}',
          expr: 'sum by (status) (rate(chasqui_webhook_request_duration_seconds_count[$__rate_interval]))',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Duration of a webhook call',
      description: 'Until the body is safe in Redis. Meta asks for a median of 250 ms and less than 1 % above 1 s.',
      unit: 's',
      width: 8,
      queries: percentiles('chasqui_webhook_request_duration_seconds_bucket', [0.5, 0.99]),
    },
    {
      kind: 'lines',
      title: 'Dead letters',
      description: 'Statuses that could not be decoded or matched, a second, by reason.',
      unit: 'reqps',
      width: 8,
      queries: [
        { legend: '{{reason}}', expr: 'sum by (reason) (rate(chasqui_webhook_unmatched_total[$__rate_interval]))' },
      ],
    },
    {
      kind: 'lines',
      title: 'Replies',
      description:
        'Answers to messages of the campaigns, each counted once: taps of buttons, messages, reactions. A reply counts for the latest campaign that has the person.',
      unit: 'short',
      width: 12,
      queries: [
        {
          legend: '{{kind}}',
          expr: 'sum by (kind) (max by (campaign, kind) (chasqui_campaign_replies{campaign=~"$campaign"}))',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Clicks by sender',
      description:
        'Clicks that Meta saw since ever, each counted once. Meta does not tell whose, nor of which campaign.',
      unit: 'short',
      width: 12,
      queries: [
        {
          legend: '{{sender}} {{kind}}',
          expr: 'max by (sender, kind) (chasqui_sender_clicks{sender=~"$sender"})',
        },
      ],
    },
  ],
}

function percentiles(bucket: string, shares: readonly number[]): { readonly legend: string; readonly expr: string }[] {
  return shares.map((share) => ({
    legend: `p${share * 100}`,
    expr: `histogram_quantile(${share}, sum by (le) (rate(${bucket}[$__rate_interval])))`,
  }))
}

/** What somebody who runs a campaign looks at. */
export const campaigns: Page = {
  uid: 'chasqui-campaigns',
  title: 'Chasqui / Campaigns',
  description: 'How far campaigns are, whether they end in time, how their senders do, and what comes back.',
  tags: ['chasqui'],
  variables: [
    { name: 'campaign', label: 'Campaign', metric: 'chasqui_campaign_recipients' },
    { name: 'sender', label: 'Sender', metric: 'chasqui_sender_rate_limit' },
  ],
  rows: [now, progress, money, sending, statuses],
}
