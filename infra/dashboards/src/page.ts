/**
 * What a dashboard says, without Grafana's vocabulary: pages of rows of panels that ask Prometheus. `grafana.ts` turns
 * it into Grafana's JSON.
 */

/** One line, bar or number of a panel, as a PromQL expression. `legend` may name labels: `{{sender}}`. */
export type Query = { readonly expr: string; readonly legend: string }

export type PanelKind =
  /** Lines over time. */
  | 'lines'
  /** Areas over time that add up to something. */
  | 'stack'
  /** The present value of each query, large. */
  | 'number'
  /** The present value of each query as a bar beside the others: a funnel. */
  | 'bars'
  /** 0 or 1 over time, as coloured bands: green for 0, red for 1. */
  | 'states'

/** Grafana's name of a unit. Base units only, as the metrics have. */
export type Unit = 'short' | 's' | 'reqps' | 'percentunit' | 'bytes' | 'none'

export type Panel = {
  readonly kind: PanelKind
  readonly title: string
  /** What it means and when to worry: the text behind the "i" of the panel. */
  readonly description: string
  readonly unit: Unit
  /** Of 24 columns. */
  readonly width: number
  readonly height?: number
  readonly queries: readonly Query[]
}

export type Row = { readonly title: string; readonly panels: readonly Panel[] }

/** A drop-down that fills `$name` in queries with the values of a label; "All" is chosen at first. */
export type Variable = { readonly name: string; readonly label: string; readonly metric: string }

export type Page = {
  /** Part of the dashboard's address, so it never changes. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly tags: readonly string[]
  readonly variables: readonly Variable[]
  readonly rows: readonly Row[]
}
