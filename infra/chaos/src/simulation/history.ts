import { seededRandom } from '../random.ts'
import { Violation } from './laws.ts'
import { drawRules, FAULTS } from './rules.ts'
import type { Fault, Rules } from './rules.ts'
import { World } from './world.ts'

export type History = {
  readonly seed: number
  readonly rules: Rules
  readonly tally: World['tally']
  /** What was broken; `null`: nothing. */
  readonly violation: Violation | null
}

/** Steps in trouble; afterwards the world settles down. */
const STEPS = 200

/** One history: a world drawn from its seed, run through its troubles and to its end. */
export function runHistory(seed: number, faults: readonly Fault[] = FAULTS, steps: number = STEPS): History {
  const random = seededRandom(seed)
  const rules = drawRules(random, faults)
  const world = new World(rules, random)
  try {
    for (let step = 0; step < steps; step++) world.step()
    world.settleDown()
    return { seed, rules, tally: world.tally, violation: null }
  } catch (error) {
    if (!(error instanceof Violation)) throw new Error(`seed ${seed}`, { cause: error })
    return { seed, rules, tally: world.tally, violation: error }
  }
}
