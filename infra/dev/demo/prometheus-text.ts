/** Values of one metric in Prometheus' text format, for one campaign, by the value of another label. */
export function seriesByLabel(text: string, metric: string, campaign: string, label: string): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [, labels = '', value = ''] of text.matchAll(new RegExp(`^${metric}\\{([^}]*)\\} (\\S+)`, 'gm'))) {
    const pairs = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', text_ = '']) => [name, text_]),
    )
    if (pairs['campaign'] === campaign && pairs[label] !== undefined) found[pairs[label]] = Number(value)
  }
  return found
}
