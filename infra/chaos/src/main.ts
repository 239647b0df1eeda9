/**
 * `npm run chaos`: what is promised, while everything goes wrong. See README.md. Progress goes to stderr; stdout gets a
 * line for people and a JSON line for each scenario.
 */
import { parseOptions, USAGE } from './options.ts'
import type { Options } from './options.ts'
import type { Result, Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'

const EX_USAGE = 64
/** Scenarios at a time: each mostly waits. Those that measure run alone. */
const LANES = { short: 2, full: 3 } as const

const parsed = parseOptions(
  process.argv.slice(2),
  SCENARIOS.map(({ name }) => name),
)
if (parsed.ok) await main(parsed.options)
else {
  console.error(`${parsed.problem}\n${USAGE}`)
  process.exitCode = EX_USAGE
}

async function main(options: Options): Promise<void> {
  const chosen = SCENARIOS.filter(({ name, long }) =>
    options.only.length > 0 ? options.only.includes(name) : !(options.short && long === true),
  )
  const together = chosen.filter(({ alone }) => alone !== true)
  await Promise.all(
    Array.from({ length: options.short ? LANES.short : LANES.full }, async () => {
      for (let scenario = together.shift(); scenario !== undefined; scenario = together.shift())
        await show(scenario, options)
    }),
  )
  for (const scenario of chosen.filter(({ alone }) => alone === true)) await show(scenario, options)
}

async function show(scenario: Scenario, options: Options): Promise<void> {
  const began = performance.now()
  const { figures, violations } = await attempt(scenario, options)
  const seconds = Math.round((performance.now() - began) / 100) / 10
  const ok = violations.length === 0
  if (!ok) process.exitCode = 1
  const numbers = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${scenario.name} (${seconds} s): ${numbers.join(', ')}`)
  for (const violation of violations) console.log(`     ${violation}`)
  const { seed, short } = options
  console.log(JSON.stringify({ scenario: scenario.name, seed, short, ok, figures, violations, seconds }))
}

/** A scenario that breaks off has shown nothing; the others run all the same. */
async function attempt(scenario: Scenario, { seed, short }: Options): Promise<Result> {
  const say = (line: string): void => console.error(`${scenario.name}: ${line}`)
  say(scenario.shows)
  try {
    return await scenario.run({ seed, short, say })
  } catch (error) {
    console.error(error)
    return { figures: {}, violations: [`broke off: ${error instanceof Error ? error.message : String(error)}`] }
  }
}
