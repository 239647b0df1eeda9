import type { Metrics } from '@chasqui/runtime'

/** What the producer counts. Labels come from closed lists, never from a request's text. */
export function producerMetrics(metrics: Metrics) {
  return {
    requests: metrics.histogram({
      name: 'chasqui_http_request_duration_seconds',
      help: 'Time from the request to the end of its answer; uploads take as long as their bodies.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    }),
    rows: metrics.counter({
      name: 'chasqui_intake_rows_total',
      help: 'Rows of uploaded recipients, by what became of them.',
      labelNames: ['result'],
    }),
    refused: metrics.counter({
      name: 'chasqui_intake_refused_total',
      help: 'New campaigns and batches of recipients that were refused, to keep room in Redis for what is under way.',
    }),
    suppressions: metrics.counter({
      name: 'chasqui_suppressions_changed_total',
      help: 'Opt-outs added and removed through the API.',
      labelNames: ['change'],
    }),
    firings: metrics.counter({
      name: 'chasqui_schedule_firings_total',
      help: 'Scheduled starts that reached this process, by how they went.',
      labelNames: ['result'],
    }),
    streams: metrics.gauge({ name: 'chasqui_event_streams', help: 'Open server-sent event streams.' }),
  }
}

export type ProducerMetrics = ReturnType<typeof producerMetrics>
