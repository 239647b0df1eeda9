import { readFileSync } from 'node:fs'
import { RecipientIntake } from '@chasqui/campaign'
import { expect, test } from 'vitest'
import { sampleRecipients, SAMPLE_SEED } from '../sample/recipients.ts'

const written = (recipients: number, seed = SAMPLE_SEED): { text: string; truth: unknown } => {
  const { pieces, truth } = sampleRecipients({ recipients, seed })
  return { text: [...pieces].join(''), truth }
}

test('the same seed writes the same file, another seed another', () => {
  expect(written(500).text).toBe(written(500).text)
  expect(written(500, 1).text).not.toBe(written(500, 2).text)
})

test('the committed sample is what the generator writes', () => {
  expect(readFileSync(new URL('../sample/recipients.csv', import.meta.url), 'utf8')).toBe(written(500).text)
})

test('the intake reads what the generator meant', () => {
  const { pieces, truth } = sampleRecipients({ recipients: 20_000 })
  const intake = new RecipientIntake('csv', {
    columns: ['first_name', 'coupon'],
    unknownColumns: 'ignore',
    unitedStates: 'refuse',
  })
  for (const piece of pieces) intake.push(piece)
  expect(intake.end()).toBe('complete')
  expect(intake.tally.rows).toBe(truth.rows)
  expect(intake.tally.rejected).toEqual(truth.refused)
  expect(truth.recipients).toBe(20_000)
  expect(Object.keys(truth.refused)).toHaveLength(10)
  expect(truth.duplicates).toBeGreaterThan(300)
})

test('every recipient is a different person, every duplicate one who is there already', async () => {
  const { personKey } = await import('@chasqui/campaign')
  const { pieces, truth } = sampleRecipients({ recipients: 20_000 })
  const intake = new RecipientIntake('csv', {
    columns: ['first_name', 'coupon'],
    unknownColumns: 'ignore',
    unitedStates: 'refuse',
  })
  const people = new Set<number>()
  for (const piece of pieces) intake.push(piece)
  intake.end()
  for (let batch = intake.takeBatch(); batch !== null; batch = intake.takeBatch()) {
    for (const chunk of batch.chunks) for (const to of chunk.to) people.add(personKey(to))
  }
  expect(people.size).toBe(truth.recipients)
})
