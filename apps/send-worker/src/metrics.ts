import { createMetrics } from '@chasqui/runtime'
import type { Move } from '@chasqui/delivery'

import { Tally } from './tally.ts'

/** What a send-worker tells Prometheus. Gauges of things that all workers share are the same in each: take `max by`. */
export function createSendMetrics() {
  const metrics = createMetrics({ app: 'send-worker' })
  const untold = new Tally()
  metrics.counter({
    name: 'chasqui_messages_total',
    help: 'POSTs answered or given up, by what became of the recipient.',
    labelNames: ['sender', 'outcome'] as const,
    collect() {
      untold.empty((sender, outcome, messages) => this.inc({ sender, outcome }, messages))
    },
  })
  return {
    registry: metrics.registry,
    /** One message, as `chasqui_messages_total` tells. */
    countMessage: (sender: string, outcome: Move['kind']): void => untold.add(sender, outcome),
    duration: metrics.talliedHistogram({
      name: 'chasqui_send_duration_seconds',
      help: 'From handing a request to the HTTP client to its answer.',
      label: 'sender',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    }),
    errors: metrics.counter({
      name: 'chasqui_send_errors_total',
      help: 'POSTs that were not accepted: by Graph code, or `lost`, `not_sent`, or why our own fence kept it back (`forbidden`, `campaign_held`, `slot_missed`, `stale_claim`, `clock_jump`, `too_late`, `endpoint_closed`: the worker ends).',
      labelNames: ['sender', 'code'] as const,
    }),
    claims: metrics.counter({
      name: 'chasqui_claims_total',
      help: 'Claims asked of the ledger, by its answer.',
      labelNames: ['sender', 'result'] as const,
    }),
    staleSettlements: metrics.counter({
      name: 'chasqui_stale_settlements_total',
      help: 'Outcomes that came when their claim was over: settled by a status, or given up.',
      labelNames: ['sender'] as const,
    }),
    reaped: metrics.counter({
      name: 'chasqui_reaped_recipients_total',
      help: 'Recipients that became unknown because the worker that had claimed them died.',
      labelNames: ['sender'] as const,
    }),
    troubles: metrics.counter({
      name: 'chasqui_redis_troubles_total',
      help: 'Steps that failed because Redis was away or refused, by step; each is tried again.',
      labelNames: ['step'] as const,
    }),
    inFlight: metrics.gauge({
      name: 'chasqui_send_claimed_messages',
      help: 'Recipients claimed by this process and not answered yet.',
    }),
    rateLimit: metrics.gauge({
      name: 'chasqui_sender_rate_limit',
      help: 'Messages a second in force for the sender: the configured limit, less what 130429 has taught.',
      labelNames: ['sender'] as const,
    }),
    blocked: metrics.gauge({
      name: 'chasqui_sender_blocked',
      help: '1 while the sender must not send, by reason; a sender that may send has a 0 under the reason `none`.',
      labelNames: ['sender', 'reason'] as const,
    }),
    forbidden: metrics.gauge({
      name: 'chasqui_claims_forbidden',
      help: '1 while this process claims nothing: the kill switch, a quarantine, or a connection that is not checked yet.',
    }),
    stopped: metrics.gauge({
      name: 'chasqui_sending_stopped',
      help: '1 while nothing is sent by any sender: `stopped` by the kill switch, `quarantined` because Redis has gone backwards; as last heard from Redis.',
      labelNames: ['reason'] as const,
    }),
    queue: metrics.gauge({
      name: 'chasqui_queue_jobs',
      help: 'Chunk visits in the sender queue, by state.',
      labelNames: ['queue', 'state'] as const,
    }),
  }
}

export type SendMetrics = ReturnType<typeof createSendMetrics>
