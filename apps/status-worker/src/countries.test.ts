import { FACT } from '@chasqui/delivery'
import { expect, test } from 'vitest'

import { RecipientCountries } from './countries.ts'

const delivered = { attempt: 1, facts: FACT.delivered, errorCode: 0 }

test('a recipient that a status does not name is looked up, each chunk once', async () => {
  const asked: string[] = []
  const countries = new RecipientCountries((campaign, chunk) => {
    asked.push(`${campaign}.${chunk}`)
    return Promise.resolve({ names: [], to: [5_511_987_654_321, 919_876_543_210], refs: null, columns: [] })
  })
  const told = { ...delivered, ordinal: 7, country: 'DE' }
  const sent = { ...delivered, facts: FACT.sent, ordinal: 8 }
  expect(await countries.complete('c', [told, sent])).toEqual([told, sent])
  expect(asked).toEqual([])
  const nameless = [500, 501, 502].map((ordinal) => ({ ...delivered, ordinal }))
  expect(await countries.complete('c', [told, ...nameless])).toEqual([
    told,
    { ...delivered, ordinal: 500, country: 'BR' },
    { ...delivered, ordinal: 501, country: 'IN' },
    { ...delivered, ordinal: 502 },
  ])
  await countries.complete('c', nameless)
  expect(asked).toEqual(['c.1'])
})

test('a chunk that could not be read is asked for again', async () => {
  let times = 0
  const countries = new RecipientCountries(() => {
    times += 1
    if (times === 1) return Promise.reject(new Error('Redis is away'))
    return Promise.resolve({ names: [], to: [5_511_987_654_321], refs: null, columns: [] })
  })
  const lesson = { ...delivered, ordinal: 0 }
  await expect(countries.complete('c', [lesson])).rejects.toThrow('away')
  expect(await countries.complete('c', [lesson])).toEqual([{ ...lesson, country: 'BR' }])
})
