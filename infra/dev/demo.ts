// `npm run demo`: a sample campaign through the real apps, on a machine that had nothing but Node and npm.
//
// Every number the apps report is held against numbers counted elsewhere: the input against the generator that wrote it,
// the campaign against the simulator's ledger, Prometheus against the campaign. It ends with 0 only when all agree.

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { DemoCampaign, type CampaignReport, type Upload } from './demo/campaign.ts'
import { Progress } from './demo/progress.ts'
import { seriesByLabel } from './demo/prometheus-text.ts'
import { MESSAGES_PER_SECOND, startStack, type Stack } from './demo/stack.ts'
import { nextSteps, summaryOf, verdict, type Outcome } from './demo/summary.ts'
import { number, seconds } from './demo/text.ts'
import { agrees, checkCampaign, checkInput, checkMetrics, type Check } from './demo/verify.ts'
import { readWitness, webhooksPosted } from './demo/witness.ts'
import { SAMPLE_SEED, sampleRecipients } from './sample/recipients.ts'

const POLL_MS = 250
/** Without any change for so long the run is given up: longer than any retry of the demo's errors waits. */
const STANDSTILL_MS = 120_000
/** For the last statuses to be folded and counted, once the simulator has posted them all. */
const SETTLE_MS = 20_000

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const stopping: (() => Promise<unknown>)[] = []
let stopped: Promise<void> | undefined
const options = readOptions()

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => void stop(code))

try {
  const stack = await startStack(stopping, say, options.seed)
  const agreed = await run(stack)
  if (options.keep) await keep(stack)
  await stop(agreed ? 0 : 1)
} catch (error) {
  if (stopped === undefined) say(`The demo failed: ${error instanceof Error ? error.message : String(error)}`)
  await stop(1)
}

function readOptions(): { recipients: number; keep: boolean; seed: number } {
  const { values } = parseArgs({
    options: {
      recipients: { type: 'string', default: '5000' },
      keep: { type: 'boolean', default: false },
      seed: { type: 'string', default: String(SAMPLE_SEED) },
    },
  })
  const whole = (name: 'recipients' | 'seed', most: number): number => {
    const value = Number(values[name])
    if (Number.isInteger(value) && value >= 1 && value <= most) return value
    process.stderr.write(
      `--${name}: found ${JSON.stringify(values[name])}, allowed: a whole number from 1 to ${most}\n`,
    )
    process.exit(2)
  }
  return { recipients: whole('recipients', 5_000_000), keep: values.keep, seed: whole('seed', 2 ** 31) }
}

async function run(stack: Stack): Promise<boolean> {
  say(`Up: ${stack.apps.map(({ name, pid }) => `${name} (${pid})`).join(', ')}`)
  const sample = sampleRecipients({ recipients: options.recipients, seed: options.seed })
  const campaign = await DemoCampaign.create(stack)
  const [upload, uploadMs] = await timed(() => campaign.upload(sample.pieces))
  say(
    `Uploaded ${number(upload.rows)} rows in ${seconds(uploadMs)}: ${number(upload.accepted)} recipients, ${number(upload.duplicates)} duplicates, ${number(upload.rejected)} refused`,
  )

  const [, sendMs] = await timed(async () => {
    await campaign.launch()
    await untilEnded(campaign)
  })
  await webhooksPosted(stack.simulator, STANDSTILL_MS)
  const { report, checks, witness } = await settled(stack, campaign, upload)
  const outcome: Outcome = { upload, uploadMs, report, sendMs, witness, limit: MESSAGES_PER_SECOND }

  const input = checkInput(upload, sample.truth)
  const metrics = await metricsOf(stack, report)
  for (const line of summaryOf(outcome)) say(line)
  say('\nHeld against what others counted')
  for (const line of [
    ...verdict('the generator of the input', input),
    ...verdict("the simulator's own ledger", checks),
    ...verdict('Prometheus metrics', metrics),
  ])
    say(line)
  const agreed = report.status === 'completed' && [...input, ...checks, ...metrics].every(agrees)
  say('')
  for (const line of agreed ? nextSteps(outcome) : troubles(stack)) say(line)
  return agreed
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now()
  return [await work(), performance.now() - start]
}

/** Shows the campaign until it has ended, and a little longer: statuses go on coming. */
async function untilEnded(campaign: DemoCampaign): Promise<void> {
  const progress = new Progress(process.stdout)
  const start = performance.now()
  let last = ''
  let changed = start
  for (;;) {
    const report = await campaign.report()
    progress.show(report, performance.now() - start)
    if (report.status === 'completed' || report.status === 'canceled') return
    const now = JSON.stringify([report.status, report.counts, report.delivery])
    if (now !== last) changed = performance.now()
    last = now
    if (performance.now() - changed > STANDSTILL_MS)
      throw new Error(`nothing has moved for ${seconds(STANDSTILL_MS)}: ${now}`)
    await sleep(POLL_MS)
  }
}

/** Waits until our numbers and the ledger's agree, or gives what they are after a while: the last webhooks are still being folded. */
async function settled(stack: Stack, campaign: DemoCampaign, upload: Upload) {
  for (const start = performance.now(); ; await sleep(POLL_MS)) {
    const witness = await readWitness(stack.simulator, campaign.id)
    const report = await campaign.report()
    const checks = checkCampaign(report, upload.accepted, witness)
    if (checks.every(agrees) || performance.now() - start > SETTLE_MS) return { witness, report, checks }
  }
}

/** The campaign's series as Prometheus would read them. They are refreshed every few seconds, so they may need a moment. */
async function metricsOf(stack: Stack, report: CampaignReport): Promise<Check[]> {
  for (const start = performance.now(); ; await sleep(POLL_MS)) {
    const text = await (await fetch(stack.metrics['status-worker'] ?? '')).text()
    const recipients = seriesByLabel(text, 'chasqui_campaign_recipients', report.id, 'disposition')
    const messages = seriesByLabel(text, 'chasqui_campaign_messages', report.id, 'status')
    const checks = checkMetrics(recipients, messages, report)
    if (checks.every(agrees) || performance.now() - start > SETTLE_MS) return checks
  }
}

/** What the apps complained about, for whoever has to find out. */
function troubles(stack: Stack): string[] {
  const complaints = stack.apps.flatMap(({ name, lines }) =>
    lines
      .filter((line) => !/"level":"(info|debug|trace)"/.test(line))
      .slice(-5)
      .map((line) => `  ${name}: ${line}`),
  )
  return [
    'The numbers do not agree. The apps said:',
    ...(complaints.length === 0 ? ['  nothing above info'] : complaints),
  ]
}

async function keep(stack: Stack): Promise<void> {
  say('\nEverything stays up until Ctrl-C.')
  say(`  API            ${stack.api}    docs: ${stack.api}/docs    Authorization: Bearer ${stack.apiKey}`)
  say(`  webhooks       ${stack.webhooks}`)
  say(`  simulator      ${stack.simulator}/_simulator/`)
  for (const [name, url] of Object.entries(stack.metrics)) say(`  ${name.padEnd(15)}${url}`)
  say(`  Redis          ${stack.redis}    REDIS_PREFIX=${stack.redisPrefix}`)
  say(`  senders        ${stack.sendersFile}`)
  await new Promise(() => setInterval(() => {}, 60_000))
}

/** Ends everything that was started, the last first; a repeated signal waits for the same end. */
async function stop(code: number): Promise<void> {
  stopped ??= (async () => {
    for (const end of stopping.toReversed()) await end().catch((error: unknown) => say(String(error)))
    process.exit(code)
  })()
  await stopped
}
