/** Reading PromQL as far as a check needs it: which series an expression asks for. */

/** A selector: `chasqui_messages_total{outcome="accepted"}` without range or offset. */
export type Selector = { readonly metric: string; readonly matchers: string }

/** Words that stand where a metric could and are none. */
const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan'])
/** Words before a list of labels in parentheses. */
const GROUPINGS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'])

/** In order: comment, string, range or step in brackets, name with matchers, number with its unit. */
const TOKEN =
  /#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|([a-zA-Z_:][\w:]*)\s*(\{(?:"(?:[^"\\]|\\.)*"|[^}"])*\})?|\d[\w.]*/g

/**
 * The selectors of an expression, in order of appearance, each once.
 *
 * Covers what our queries use; `{__name__=…}` without a name is not among it.
 */
export function selectorsOf(expr: string): Selector[] {
  const text = expr.replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
  const found = new Map<string, Selector>()
  for (const match of text.matchAll(TOKEN)) {
    const [token, metric, matchers = ''] = match
    if (metric === undefined || OPERATORS.has(metric.toLowerCase()) || GROUPINGS.has(metric)) continue
    const isCall = matchers === '' && /^\s*\(/.test(text.slice(match.index + token.length))
    if (!isCall) found.set(`${metric}${matchers}`, { metric, matchers })
  }
  return [...found.values()]
}

/** The series a process would have to expose: recorded names are replaced by what they are made of. */
export function rawMetricsOf(expr: string, recordings: ReadonlyMap<string, string>): Set<string> {
  const raw = new Set<string>()
  const visit = (text: string): void => {
    for (const { metric } of selectorsOf(text)) {
      const recorded = recordings.get(metric)
      if (recorded === undefined) raw.add(metric)
      else visit(recorded)
    }
  }
  visit(expr)
  return raw
}

/** Fill in Grafana's `$name` and `${name}`; one that has no value is a mistake in the dashboard. */
export function withVariables(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replaceAll(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare ?? ''
    const value = values[name]
    if (value === undefined) throw new Error(`No value for $${name} in ${expr}`)
    return value
  })
}
