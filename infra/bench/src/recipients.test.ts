import { zstdCompressSync } from 'node:zlib'
import { readPhone } from '@chasqui/campaign'
import { describe, expect, test } from 'vitest'
import { seededRandom } from './random.ts'
import { csvPieces, randomRecipient } from './recipients.ts'

function csv(recipients: number, seed: number): string {
  return Buffer.concat([...csvPieces({ recipients, seed, pieceBytes: 1_000 })]).toString()
}

describe('csvPieces', () => {
  test('makes the same file from the same seed and another from another', () => {
    expect(csv(200, 7)).toBe(csv(200, 7))
    expect(csv(200, 7)).not.toBe(csv(200, 8))
  })

  test('has a header and one row a recipient', () => {
    const rows = csv(500, 1).trimEnd().split('\n')
    expect(rows[0]).toBe('to,first_name,code,amount')
    expect(rows).toHaveLength(501)
    for (const row of rows.slice(1)) expect(row).toMatch(/^\+[1-9]\d{10,13},[^,]{3,},[A-Z2-9]{8},\d{1,4}\.\d{2}$/)
  })
})

test('numbers hardly ever repeat', () => {
  const random = seededRandom(3)
  const numbers = new Set(Array.from({ length: 100_000 }, () => randomRecipient(random).to))
  expect(numbers.size).toBeGreaterThan(99_900)
})

test('every number is one that the producer takes', () => {
  const random = seededRandom(5)
  for (let made = 0; made < 5_000; made++)
    expect(readPhone(randomRecipient(random).to)).toMatchObject({ kind: 'phone' })
})

test('columns do not compress away: at least 12 bytes a recipient are left of them', () => {
  // 8 letters out of 32 are 5 bytes of pure chance, an amount 2.5, a name about 4.
  const random = seededRandom(4)
  const chunk = Array.from({ length: 500 }, () => randomRecipient(random))
  const columns = JSON.stringify([chunk.map((r) => r.firstName), chunk.map((r) => r.code), chunk.map((r) => r.amount)])
  expect(zstdCompressSync(columns).length / 500).toBeGreaterThan(12)
})
