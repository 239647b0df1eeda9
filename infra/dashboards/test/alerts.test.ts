import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { obtainPrometheus } from '@chasqui/harness'
import { describe, expect, test } from 'vitest'
import { read, readRules, readYaml, ROOT } from './repository.ts'

const run = promisify(execFile)
const { alerts, recordings } = await readRules()

type TestFile = {
  readonly tests: readonly {
    readonly name: string
    readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts?: readonly unknown[] }[]
  }[]
}

const testFolder = 'infra/prometheus/tests'
const testFiles = (await readdir(join(ROOT, testFolder))).filter((name) => name.endsWith('.yml'))
const unitTests = (await Promise.all(testFiles.map((name) => readYaml<TestFile>(`${testFolder}/${name}`)))).flatMap(
  ({ tests }) => tests,
)

test('promtool accepts the configuration and the rules, and every alert fires when it must and not otherwise', async () => {
  const { promtool } = await obtainPrometheus()
  await expect(
    run(join(ROOT, 'infra/prometheus/check.sh'), { env: { ...process.env, PROMTOOL: promtool } }),
  ).resolves.toBeDefined()
}, 120_000)

describe.each(alerts.map((rule) => [rule.alert, rule] as const))('%s', (name, rule) => {
  test('says what is wrong, how bad, since when, and where to read on', async () => {
    expect(rule.for).toMatch(/^\d+[sm]$/)
    expect(rule.labels?.['severity']).toMatch(/^(page|ticket)$/)
    expect(rule.annotations?.['summary']?.length).toBeGreaterThan(15)
    expect(rule.annotations?.['description']?.length).toBeGreaterThan(20)
    expect(rule.annotations?.['runbook_url']).toBe(`infra/runbook/${name}.md`)
    expect(await read(`infra/runbook/${name}.md`)).toMatch(
      new RegExp(`^# ${name}\n[^]*## What it means[^]*## Where to look[^]*## What to do`),
    )
  })

  test('is shown to fire, and shown not to', () => {
    const shown = unitTests.flatMap((unit) => unit.alert_rule_test ?? []).filter(({ alertname }) => alertname === name)
    expect(shown.some(({ exp_alerts: expected = [] }) => expected.length > 0)).toBe(true)
    expect(shown.some(({ exp_alerts: expected = [] }) => expected.length === 0)).toBe(true)
  })
})

test('every runbook page belongs to an alert, and its links lead somewhere', async () => {
  const names = new Set(alerts.map(({ alert }) => alert))
  const pages = (await readdir(join(ROOT, 'infra/runbook'))).filter((name) => name !== 'README.md')
  expect(pages.sort()).toEqual([...names].map((name) => `${name}.md`).sort())
  for (const page of pages) {
    for (const [, target = ''] of (await read(`infra/runbook/${page}`)).matchAll(/\]\((\w+)\.md\)/g))
      expect(names, page).toContain(target)
  }
})

test('recorded names tell their labels, their metric and what was done to it', () => {
  for (const name of recordings.keys()) expect(name).toMatch(/^[a-z]+(_[a-z]+)*:chasqui_[a-z_]+:[a-z0-9_]+$/)
})
