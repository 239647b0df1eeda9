import { describe, expect, test } from 'vitest'
import { rawMetricsOf, selectorsOf, withVariables } from './promql.ts'

const metrics = (expr: string): string[] => selectorsOf(expr).map(({ metric, matchers }) => `${metric}${matchers}`)

describe('selectors of an expression', () => {
  test.each([
    ['up', ['up']],
    ['sum by (sender, outcome) (rate(chasqui_messages_total[1m]))', ['chasqui_messages_total']],
    ['rate(a_total{code=~"5..",x="}"}[$__rate_interval])', ['a_total{code=~"5..",x="}"}']],
    ['a / on (sender) group_left (reason) (b > 0)', ['a', 'b']],
    ['a:b:c{x="y"} unless on () (count(d) > 0) or vector(0)', ['a:b:c{x="y"}', 'd']],
    ['label_replace(absent(up{job="x"} == 1), "job", "x", "", "")', ['up{job="x"}']],
    ['histogram_quantile(0.99, sum by (le) (rate(h_bucket[5m])))', ['h_bucket']],
    ['x offset 10m - 1e3 * time()', ['x']],
    ['a # b\n+ c', ['a', 'c']],
    ['a + a', ['a']],
  ])('%s', (expr, expected) => {
    expect(metrics(expr)).toEqual(expected)
  })
})

test('recorded names lead back to what processes expose', () => {
  const recordings = new Map([
    ['s:rate', 'sum(s_total)'],
    ['s:used', 's:rate / s_limit'],
  ])
  expect([...rawMetricsOf('s:used > other', recordings)].sort()).toEqual(['other', 's_limit', 's_total'])
})

test('variables are filled in, and one without a value is an error', () => {
  expect(withVariables('a{c=~"$campaign"}[${__rate_interval}]', { campaign: '.*', __rate_interval: '5s' })).toBe(
    'a{c=~".*"}[5s]',
  )
  expect(() => withVariables('a{c=~"$campain"}', { campaign: '.*' })).toThrow('No value for $campain')
})
