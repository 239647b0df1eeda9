/**
 * `npm run bench`: what the real apps do, against baselines, on this machine. See README.md for how it is measured.
 * Progress goes to stderr; stdout gets a table for people and then one JSON line a figure.
 */
import type { Figure } from './figure.ts'
import { toJsonLine, toTable } from './figure.ts'
import { runCampaigns } from './campaigns.ts'
import { runFold } from './fold.ts'
import { runFuzz } from './fuzz.ts'
import { runIntake } from './intake.ts'
import { runMemory } from './memory.ts'
import { type Options, parseOptions, type Part, USAGE } from './options.ts'
import type { Bench, RunPart } from './part.ts'
import { runQueue } from './queue.ts'
import { runReport } from './report.ts'
import { runSend } from './send.ts'
import { runStorm } from './storm.ts'
import { runWebhook } from './webhook.ts'
import { runWhileSending } from './while-sending.ts'

const RUN_PART: Readonly<Record<Part, RunPart>> = {
  send: runSend,
  intake: runIntake,
  queue: runQueue,
  fold: runFold,
  webhook: runWebhook,
  storm: runStorm,
  'while-sending': runWhileSending,
  fuzz: runFuzz,
  report: runReport,
  campaigns: runCampaigns,
  memory: runMemory,
}

const EX_USAGE = 64
const parsed = parseOptions(process.argv.slice(2))
if (parsed.ok) await main(parsed.options)
else {
  console.error(`${parsed.problem}\n${USAGE}`)
  process.exitCode = EX_USAGE
}

async function main(options: Options): Promise<void> {
  const startedAt = performance.now()
  const bench: Bench = { ...options, say: (line) => console.error(`${clock(startedAt)} ${line}`) }
  const figures: Figure[] = []
  for (const part of options.parts) figures.push(...(await attempt(bench, part)))
  console.log(`\n${toTable(figures)}\n`)
  for (const each of figures) console.log(toJsonLine(each))
}

/** A part that breaks does not take the others' figures with it; the exit code tells. Out of reach is no failure. */
async function attempt(bench: Bench, part: Part): Promise<Figure[]> {
  try {
    return await RUN_PART[part](bench)
  } catch (error) {
    process.exitCode = 1
    console.error(`${part} could not be measured:`, error)
    return []
  }
}

/** Time since the start, `m:ss`. */
function clock(startedAt: number): string {
  const seconds = Math.floor((performance.now() - startedAt) / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
