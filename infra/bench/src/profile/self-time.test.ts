import { expect, test } from 'vitest'
import { type CpuProfile, topSelfTimes } from './self-time.ts'

const frame = (functionName: string, url: string, lineNumber: number): CpuProfile['nodes'][number]['callFrame'] => ({
  functionName,
  url,
  lineNumber,
})

const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(idle)', '', -1) },
    { id: 2, callFrame: frame('write', 'file:///r/node_modules/undici/lib/dispatcher/client-h1.js', 9) },
    { id: 3, callFrame: frame('', 'file:///r/apps/send-worker/src/window.ts', 0) },
    // The same function reached by another path has another node.
    { id: 4, callFrame: frame('write', 'file:///r/node_modules/undici/lib/dispatcher/client-h1.js', 9) },
  ],
  samples: [1, 2, 3, 4],
  timeDeltas: [900, 50, 25, 25],
}

test('topSelfTimes adds up what a function took itself, idle time apart', () => {
  expect(topSelfTimes(PROFILE, 5)).toEqual([
    { where: 'write undici/lib/dispatcher/client-h1.js:10', share: 0.75 },
    { where: '(anonymous) apps/send-worker/src/window.ts:1', share: 0.25 },
  ])
})

test('topSelfTimes stops at as many as asked', () => {
  expect(topSelfTimes(PROFILE, 1)).toHaveLength(1)
})
