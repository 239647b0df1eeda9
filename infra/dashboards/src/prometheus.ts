/** As much of Prometheus' HTTP API as the checks ask. */

/** Seconds since 1970, as Prometheus counts. */
export type Window = { readonly from: number; readonly to: number; readonly step: number }

export type Series = { readonly labels: Readonly<Record<string, string>>; readonly values: readonly number[] }

export type Rule = {
  readonly name: string
  readonly type: 'alerting' | 'recording'
  readonly query: string
  readonly health: string
  readonly lastError: string
}

export class Prometheus {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** @throws Error with Prometheus' own words when it cannot evaluate the expression. */
  async range(expr: string, window: Window): Promise<Series[]> {
    type Matrix = { result: { metric: Record<string, string>; values: [number, string][] }[] }
    const { result } = await this.#ask<Matrix>('query_range', {
      query: expr,
      start: String(window.from),
      end: String(window.to),
      step: String(window.step),
    })
    return result.map(({ metric, values }) => ({ labels: metric, values: values.map(([, value]) => Number(value)) }))
  }

  async instant(expr: string): Promise<Series[]> {
    type Vector = { result: { metric: Record<string, string>; value: [number, string] }[] }
    const { result } = await this.#ask<Vector>('query', { query: expr })
    return result.map(({ metric, value }) => ({ labels: metric, values: [Number(value[1])] }))
  }

  async labelValues(label: string, metric: string): Promise<string[]> {
    return this.#ask<string[]>(`label/${label}/values`, { 'match[]': metric })
  }

  async rules(): Promise<Rule[]> {
    type Groups = { groups: { rules: (Omit<Rule, 'lastError'> & { lastError?: string })[] }[] }
    const { groups } = await this.#ask<Groups>('rules', {})
    return groups.flatMap(({ rules }) => rules.map((rule) => ({ ...rule, lastError: rule.lastError ?? '' })))
  }

  async #ask<Data>(path: string, parameters: Readonly<Record<string, string>>): Promise<Data> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`)
    const body = (await response.json()) as { status: string; error?: string; data: Data }
    if (body.status !== 'success') throw new Error(body.error ?? `HTTP ${response.status}`)
    return body.data
  }
}
