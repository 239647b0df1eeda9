import { expect, test } from 'vitest'
import { defaultConfig, patchConfig } from './config.ts'
import { PRESET_NAMES, presetPatch } from './preset.ts'

function issuesOf(patch: unknown): string[] {
  const result = patchConfig(defaultConfig(), patch)
  return result.ok
    ? []
    : result.issues.map(({ path, found, message }) => `${path}: ${JSON.stringify(found)}: ${message}`)
}

test('a patch changes what it names and nothing else', () => {
  const before = defaultConfig()
  const result = patchConfig(before, { answers: { lostShare: 0.5 }, numbers: { '106540352242922': { perSecond: 20 } } })
  if (!result.ok) throw new Error('expected a valid patch')
  expect(result.config).toEqual({
    ...before,
    answers: { ...before.answers, lostShare: 0.5 },
    numbers: {
      '106540352242922': {
        perSecond: 20,
        wabaId: '102290129340398',
        displayPhoneNumber: '15550783881',
        onboarded: true,
        maintenance: false,
        blockedBy: null,
      },
    },
  })
})

test('patches of one number add up; lists are replaced', () => {
  const one = patchConfig(defaultConfig(), {
    numbers: { '12345': { perSecond: 20 } },
    answers: { lostKinds: ['reset'] },
  })
  const two = one.ok
    ? patchConfig(one.config, { numbers: { '12345': { maintenance: true } }, answers: { lostKinds: ['hang'] } })
    : one
  if (!two.ok) throw new Error('expected valid patches')
  expect(two.config.numbers['12345']).toMatchObject({ perSecond: 20, maintenance: true })
  expect(two.config.answers.lostKinds).toEqual(['hang'])
})

test('null is a value, not a removal', () => {
  const result = patchConfig(defaultConfig(), { otherNumbers: null, webhooks: { url: null } })
  expect(result.ok && result.config.otherNumbers).toBeNull()
})

test('what is wrong is named with its path, what was found and what is allowed', () => {
  expect(issuesOf({ answers: { lostShare: 3 } })).toEqual([expect.stringMatching(/^answers\.lostShare: 3: .*<=1/)])
  expect(issuesOf({ answers: { lostKinds: ['gone'] } })).toEqual([
    expect.stringMatching(/^answers\.lostKinds\.0: "gone": .*"reset"/),
  ])
  expect(issuesOf({ delivery: { failedCodes: [131026, 999] } })).toEqual([
    'delivery.failedCodes.1: 999: not a Graph code this endpoint knows',
  ])
  expect(issuesOf({ webhooks: { sentAfterMs: [5, 1] } })).toEqual([
    'webhooks.sentAfterMs: [5,1]: the first may not be above the second',
  ])
  expect(issuesOf({ webhooks: { batchMin: 100, batchMax: 10 } })).toEqual([
    'webhooks.batchMin: 100: batchMin may not be above batchMax',
  ])
  expect(issuesOf({ webhooks: { url: 'file:///etc/passwd' } })).toHaveLength(1)
  expect(issuesOf({ answer: {} })).toEqual([expect.stringContaining('answer')])
  expect(issuesOf([])).toEqual([': []: a JSON object is expected'])
})

test('a hostile key is only an unknown key', () => {
  const patch: unknown = JSON.parse('{"__proto__": {"lostShare": 1}, "answers": {"constructor": {"prototype": {}}}}')
  expect(issuesOf(patch).length).toBeGreaterThan(0)
  expect(Object.hasOwn(Object.prototype, 'lostShare')).toBe(false)
})

test.each(PRESET_NAMES)('the preset %s is a valid patch that keeps who may send and where webhooks go', (name) => {
  const own = patchConfig(defaultConfig(), {
    seed: 9,
    tokens: ['t'],
    numbers: { '12345': {} },
    webhooks: { url: 'http://127.0.0.1:1/' },
  })
  if (!own.ok) throw new Error('expected a valid patch')
  const result = patchConfig(own.config, presetPatch(name))
  if (!result.ok) throw new Error(JSON.stringify(result.issues))
  expect(result.config).toMatchObject({
    seed: 9,
    tokens: ['t'],
    numbers: own.config.numbers,
    webhooks: { url: 'http://127.0.0.1:1/' },
  })
})
