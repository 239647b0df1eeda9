import { expect, test } from 'vitest'

import { createMetrics } from './metrics.ts'

const BUCKETS = [0.01, 0.1, 1]
const VALUES = [0, 0.005, 0.01, 0.0101, 0.1, 0.5, 1, 1.5, 30]

test('a tallied histogram tells, word for word, what one of the metrics library does', async () => {
  const labelled = { name: 'taken_seconds', help: 'How long it took.', buckets: BUCKETS }
  const tallied = createMetrics({ app: 'a' })
  const library = createMetrics({ app: 'a' })
  const ours = tallied.talliedHistogram({ ...labelled, label: 'sender' })
  const theirs = library.histogram({ ...labelled, labelNames: ['sender'] })
  for (const sender of ['a', 'b"\\'])
    for (const value of sender === 'a' ? VALUES : VALUES.slice(3)) {
      ours.observe(sender, value)
      theirs.observe({ sender }, value)
    }
  const told = await tallied.registry.getSingleMetricAsString('taken_seconds')
  const linesOf = (text: string): string[] => text.split('\n').map(sortLabels).toSorted()
  expect(linesOf(told)).toEqual(linesOf(await library.registry.getSingleMetricAsString('taken_seconds')))
  expect(told).toContain('taken_seconds_bucket{le="0.01",sender="a"} 3')
})

function sortLabels(line: string): string {
  return line.replace(/\{(.*)\}/, (_all, labels: string) => `{${labels.split(',').toSorted().join(',')}}`)
}
