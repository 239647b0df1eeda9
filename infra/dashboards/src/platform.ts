import type { Page, Query, Row } from './page.ts'

const APPS = 'job=~"producer|send-worker|status-worker"'

const processes: Row = {
  title: 'Processes',
  panels: [
    {
      kind: 'number',
      title: 'Replicas that answer',
      description: 'Processes whose metrics could be read.',
      unit: 'none',
      width: 6,
      queries: [{ legend: '{{job}}', expr: `sum by (job) (up{${APPS}})` }],
    },
    {
      kind: 'lines',
      title: 'CPU',
      description: 'Cores used. Node runs on one: at 1 the process is full, and another replica helps.',
      unit: 'none',
      width: 6,
      queries: [{ legend: '{{job}} {{instance}}', expr: `rate(process_cpu_seconds_total{${APPS}}[$__rate_interval])` }],
    },
    {
      kind: 'lines',
      title: 'Memory',
      description: 'Resident memory. It stays flat whatever the size of a campaign; a slope is a leak.',
      unit: 'bytes',
      width: 6,
      queries: [{ legend: '{{job}} {{instance}}', expr: `process_resident_memory_bytes{${APPS}}` }],
    },
    {
      kind: 'lines',
      title: 'Event loop lag, p99',
      description: 'How late timers come. From half a second on, claims get too old to be sent and webhooks time out.',
      unit: 's',
      width: 6,
      queries: [{ legend: '{{job}} {{instance}}', expr: `nodejs_eventloop_lag_p99_seconds{${APPS}}` }],
    },
    {
      kind: 'lines',
      title: 'Heap in use',
      description: 'Live JavaScript objects and garbage not yet collected.',
      unit: 'bytes',
      width: 8,
      queries: [{ legend: '{{job}} {{instance}}', expr: `nodejs_heap_size_used_bytes{${APPS}}` }],
    },
    {
      kind: 'lines',
      title: 'Open files and sockets',
      description: 'A line that only climbs is a leak of connections.',
      unit: 'short',
      width: 8,
      queries: [{ legend: '{{job}} {{instance}}', expr: `process_open_fds{${APPS}}` }],
    },
    {
      kind: 'lines',
      title: 'Age of processes',
      description: 'Seconds since the start. A saw blade is a restart loop.',
      unit: 's',
      width: 8,
      queries: [{ legend: '{{job}} {{instance}}', expr: `time() - process_start_time_seconds{${APPS}}` }],
    },
  ],
}

const api: Row = {
  title: 'API',
  panels: [
    {
      kind: 'stack',
      title: 'API calls',
      description: "4xx are the caller's, 5xx ours. 503: Redis was away or refused; the call can be made again.",
      unit: 'reqps',
      width: 8,
      queries: [
        {
          legend: '{{route}} {{status}}',
          expr: 'sum by (route, status) (rate(chasqui_http_request_duration_seconds_count[$__rate_interval]))',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Duration of an API call, p99',
      description: 'By route. Uploads take as long as their bodies, event streams as long as somebody listens.',
      unit: 's',
      width: 8,
      queries: [slowest('chasqui_http_request_duration_seconds_bucket', 'route')],
    },
    {
      kind: 'stack',
      title: 'Recipients taken in',
      description: 'Rows of uploads a second, by what became of them.',
      unit: 'reqps',
      width: 8,
      queries: [{ legend: '{{result}}', expr: 'sum by (result) (rate(chasqui_intake_rows_total[$__rate_interval]))' }],
    },
  ],
}

function slowest(bucket: string, label: string): Query {
  return {
    legend: `{{${label}}}`,
    expr: `histogram_quantile(0.99, sum by (le, ${label}) (rate(${bucket}[$__rate_interval])))`,
  }
}

const redis: Row = {
  title: 'Redis',
  panels: [
    {
      kind: 'lines',
      title: 'Redis memory',
      description: 'At the limit Redis refuses uploads and claims; settles and folds go on.',
      unit: 'bytes',
      width: 8,
      queries: [
        { legend: 'used', expr: 'redis_memory_used_bytes' },
        { legend: 'limit', expr: 'redis_memory_max_bytes' },
      ],
    },
    {
      kind: 'lines',
      title: 'Redis commands',
      description: 'Commands a second. Sending takes less than one for two messages.',
      unit: 'reqps',
      width: 8,
      queries: [{ legend: '{{instance}}', expr: 'rate(redis_commands_processed_total[$__rate_interval])' }],
    },
    {
      kind: 'lines',
      title: 'Redis connections',
      description: 'Connected clients, and those that wait for a job (`blocked`).',
      unit: 'short',
      width: 8,
      queries: [
        { legend: 'connected', expr: 'redis_connected_clients' },
        { legend: 'blocked', expr: 'redis_blocked_clients' },
      ],
    },
    {
      kind: 'states',
      title: 'Not durable',
      description:
        'Red: the append-only file is off, or its last write or rewrite failed. A restart would lose what was acknowledged.',
      unit: 'none',
      width: 12,
      queries: [
        { legend: 'append-only file off', expr: '1 - redis_aof_enabled' },
        { legend: 'write failed', expr: '1 - redis_aof_last_write_status' },
        { legend: 'rewrite failed', expr: '1 - redis_aof_last_bgrewrite_status' },
      ],
    },
    {
      kind: 'lines',
      title: 'Refused and lost',
      description: 'Connections refused and keys thrown away, a second. Both must be zero.',
      unit: 'reqps',
      width: 12,
      queries: [
        { legend: 'rejected connections', expr: 'rate(redis_rejected_connections_total[$__rate_interval])' },
        { legend: 'evicted keys', expr: 'rate(redis_evicted_keys_total[$__rate_interval])' },
      ],
    },
  ],
}

const alerts: Row = {
  title: 'Alerts',
  panels: [
    {
      kind: 'states',
      title: 'Firing alerts',
      description: 'Each has a page in infra/runbook under its name.',
      unit: 'none',
      width: 24,
      queries: [
        {
          legend: '{{alertname}} {{severity}}',
          expr: 'max by (alertname, severity) (ALERTS{alertstate="firing"}) or on () vector(0)',
        },
      ],
    },
  ],
}

/** What somebody who keeps the processes and Redis alive looks at. */
export const platform: Page = {
  uid: 'chasqui-platform',
  title: 'Chasqui / Platform',
  description: 'Whether the processes, the API and Redis are well.',
  tags: ['chasqui'],
  variables: [],
  rows: [alerts, processes, api, redis],
}
