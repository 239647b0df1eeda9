import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CounterConfiguration, GaugeConfiguration, HistogramConfiguration } from 'prom-client'
import manifest from '../package.json' with { type: 'json' }
import { TalliedHistogram } from './tallied-histogram.ts'
import type { TalliedHistogramConfiguration } from './tallied-histogram.ts'

/** A registry of its own and the three kinds of metric on it, as prom-client has them. */
export interface Metrics {
  readonly registry: Registry
  counter<T extends string>(configuration: CounterConfiguration<T>): Counter<T>
  gauge<T extends string>(configuration: GaugeConfiguration<T>): Gauge<T>
  histogram<T extends string>(configuration: HistogramConfiguration<T>): Histogram<T>
  /** For what happens at every message. */
  talliedHistogram<T extends string>(configuration: TalliedHistogramConfiguration<T>): TalliedHistogram<T>
}

/**
 * Default metrics whose names break Prometheus' rules (`_total` on what is no counter, a type in a name), so that
 * `promtool check metrics` refuses a process that exposes them. The same is told by nodejs_active_* and
 * nodejs_eventloop_lag_*.
 */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
]

/**
 * A registry with the process' own metrics (memory, CPU, event loop, under their usual names) and `chasqui_build_info`.
 *
 * Not prom-client's global registry: two apps in one test process must not share their numbers.
 */
export function createMetrics({ app }: { app: string }): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  new Gauge({
    name: 'chasqui_build_info',
    help: 'Always 1; the labels tell what runs.',
    labelNames: ['app', 'version', 'node'],
    registers: [registry],
  }).set({ app, version: manifest.version, node: process.version }, 1)
  return {
    registry,
    counter: (configuration) => new Counter({ ...configuration, registers: [registry] }),
    gauge: (configuration) => new Gauge({ ...configuration, registers: [registry] }),
    histogram: (configuration) => new Histogram({ ...configuration, registers: [registry] }),
    talliedHistogram: (configuration) => {
      const histogram = new TalliedHistogram(configuration)
      // The registry asks a metric for its name and its values only; its types want one of the library's own.
      registry.registerMetric(histogram as unknown as Histogram)
      return histogram
    },
  }
}
