import type { Outcome } from '@chasqui/delivery'
import { expect, test, vi } from 'vitest'

import { CampaignProof } from './campaign-proof.ts'
import { RefusalWatch } from './refusal-watch.ts'
import type { RefusalWatchOptions } from './refusal-watch.ts'

type Note = RefusalWatchOptions['refusals']['note']
type Told = Parameters<Note>[1]

const refused = (code: number): Outcome => ({ kind: 'refused', code, httpStatus: 400, details: '', waitMs: null })

/** A watch whose questions are answered one by one. */
function watchOf() {
  const asked: Array<{ told: Told; answer: (reply: Awaited<ReturnType<Note>>) => void; fail: () => void }> = []
  const held: string[] = []
  const watch = new RefusalWatch({
    refusals: {
      note: async (_campaign, told) =>
        await new Promise((resolve, reject) => {
          asked.push({ told, answer: resolve, fail: () => reject(new Error('the answer was lost')) })
        }),
    },
    teller: 'w1',
    onHeld: (campaign, reason) => held.push(`${campaign} ${reason}`),
    onTrouble: () => {},
  })
  const campaign = { id: 'c1', proof: new CampaignProof() }
  const hear = (code: number, claimedAt: number): void => watch.hear(campaign, refused(code), claimedAt)
  const question = async (index: number) => await vi.waitUntil(() => asked[index])
  return { asked, held, campaign, hear, question }
}

const NOTHING = { held: false, stoodStillAt: 0 }

test('what comes while a question is on its way goes with the next, and holds are told', async () => {
  const { asked, held, campaign, hear, question } = watchOf()
  hear(100, 5)
  hear(100, 9)
  hear(100, 7)
  hear(132012, 8)
  expect(asked.map(({ told }) => told)).toEqual([{ teller: 'w1', number: 1, code: 100, refusals: 1, claimedAt: 5 }])
  asked[0]?.answer(NOTHING)
  const second = await question(1)
  expect(second.told).toEqual({ teller: 'w1', number: 2, code: 100, refusals: 2, claimedAt: 7 })
  second.answer({ held: true, stoodStillAt: 8 })
  const third = await question(2)
  expect(third.told).toEqual({ teller: 'w1', number: 3, code: 132012, refusals: 1, claimedAt: 8 })
  expect(held).toEqual(['c1 code_100'])
  expect(campaign.proof.isOutdated(8)).toBe(true)
  third.answer({ held: false, stoodStillAt: 8 })
})

test('what Redis has not answered is told again in the same words', async () => {
  const { asked, hear, question } = watchOf()
  hear(100, 5)
  asked[0]?.fail()
  await new Promise((resolve) => setImmediate(resolve))
  hear(100, 6)
  expect((await question(1)).told).toEqual(asked[0]?.told)
  asked[1]?.answer(NOTHING)
  expect((await question(2)).told).toEqual({ teller: 'w1', number: 2, code: 100, refusals: 1, claimedAt: 6 })
  asked[2]?.answer(NOTHING)
})
