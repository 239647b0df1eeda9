import { Prometheus } from './prometheus.ts'
import type { Window } from './prometheus.ts'
import { selectorsOf, withVariables } from './promql.ts'

/** What a check found; `problem` is null when all is well. */
export type Finding = { readonly where: string; readonly expr: string; readonly problem: string | null }

/** The part of a dashboard file that is asked of Prometheus. */
export type DashboardQueries = {
  readonly title: string
  readonly templating: {
    readonly list: readonly { readonly type: string; readonly name: string; readonly definition?: string }[]
  }
  readonly panels: readonly {
    readonly title: string
    readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
  }[]
}

/** "All" of every drop-down, and a rate window that fits a test's scrape interval of a second. */
const ALL = { campaign: '.*', sender: '.*', __rate_interval: '15s' }

/**
 * Ask every query of every panel, and every drop-down, of a Prometheus that watched a run.
 *
 * A query is well when it has a number (NaN is none) anywhere within the window. Nothing is thrown for a query that
 * fails: its finding says what Prometheus said.
 */
export async function checkPanels(
  prometheusUrl: string,
  dashboards: readonly DashboardQueries[],
  window: Window,
): Promise<Finding[]> {
  const prometheus = new Prometheus(prometheusUrl)
  const findings: Finding[] = []
  for (const dashboard of dashboards) {
    for (const { name, type, definition } of dashboard.templating.list) {
      if (type === 'query')
        findings.push(await checkVariable(prometheus, `${dashboard.title} / $${name}`, definition ?? ''))
    }
    for (const panel of dashboard.panels) {
      for (const { refId, expr } of panel.targets ?? []) {
        const where = `${dashboard.title} / ${panel.title} ${refId}`
        findings.push({ where, expr, problem: await dataProblem(prometheus, withVariables(expr, ALL), window) })
      }
    }
  }
  return findings
}

/**
 * Ask every series that a loaded rule speaks of. A calm run fires no alert, so an alert's own expression is rightly
 * empty; what it is made of must be there, labels included, or it can never fire.
 *
 * @param unprovoked selectors that a healthy run cannot have, with the reason.
 */
export async function checkRules(
  prometheusUrl: string,
  window: Window,
  unprovoked: ReadonlyMap<string, string>,
): Promise<Finding[]> {
  const prometheus = new Prometheus(prometheusUrl)
  const findings: Finding[] = []
  for (const rule of await prometheus.rules()) {
    if (rule.health !== 'ok')
      findings.push({ where: rule.name, expr: rule.query, problem: `${rule.health}: ${rule.lastError}` })
    for (const { metric, matchers } of selectorsOf(rule.query)) {
      const selector = `${metric}${matchers}`
      if (unprovoked.has(selector)) continue
      findings.push({ where: rule.name, expr: selector, problem: await dataProblem(prometheus, selector, window) })
    }
  }
  return findings
}

async function checkVariable(prometheus: Prometheus, where: string, definition: string): Promise<Finding> {
  const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? []
  const values = await prometheus.labelValues(label, metric)
  return { where, expr: definition, problem: values.length === 0 ? 'no values' : null }
}

async function dataProblem(prometheus: Prometheus, expr: string, window: Window): Promise<string | null> {
  try {
    const series = await prometheus.range(expr, window)
    if (series.some(({ values }) => values.some((value) => !Number.isNaN(value)))) return null
    return series.length === 0 ? 'no series' : 'only NaN'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
