import type { Histogram } from 'prom-client'

/** Values of one sender, or whatever the label is: how many lie within each bound and no smaller one, and all of them. */
type Series = { readonly within: Float64Array; count: number; sum: number }

export type TalliedHistogramConfiguration<T extends string> = {
  readonly name: string
  readonly help: string
  readonly label: T
  /** Upper bounds of the buckets, ascending; the one of everything else is added. */
  readonly buckets: readonly number[]
}

/**
 * A histogram of one label that only counts, and is put into words when somebody asks. A histogram of the metrics library
 * makes a key of its labels at each value and checks and looks it up, which at one a message is felt.
 */
export class TalliedHistogram<T extends string> {
  readonly name: string
  readonly #configuration: TalliedHistogramConfiguration<T>
  readonly #series = new Map<string, Series>()

  constructor(configuration: TalliedHistogramConfiguration<T>) {
    this.name = configuration.name
    this.#configuration = configuration
  }

  observe(label: string, value: number): void {
    const { buckets } = this.#configuration
    let series = this.#series.get(label)
    if (series === undefined)
      this.#series.set(label, (series = { within: new Float64Array(buckets.length), count: 0, sum: 0 }))
    series.count += 1
    series.sum += value
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      if (value > (buckets[bucket] ?? 0)) continue
      series.within[bucket] = (series.within[bucket] ?? 0) + 1
      return
    }
  }

  /** As the registry of the metrics library asks each metric. */
  get(): ReturnType<Histogram<T>['get']> {
    const { name, help } = this.#configuration
    const values = [...this.#series].flatMap(([label, series]) => this.#valuesOf(label, series))
    return Promise.resolve({ name, help, type: 'histogram', values, aggregator: 'sum' } as unknown as Awaited<
      ReturnType<Histogram<T>['get']>
    >)
  }

  reset(): void {
    this.#series.clear()
  }

  #valuesOf(value: string, { within, count, sum }: Series) {
    const { name, label, buckets } = this.#configuration
    const labels = { [label]: value }
    let below = 0
    return [
      ...buckets.map((le, bucket) => ({
        metricName: `${name}_bucket`,
        labels: { le, ...labels },
        value: (below += within[bucket] ?? 0),
      })),
      { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ]
  }
}
