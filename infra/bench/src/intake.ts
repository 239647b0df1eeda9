import { startRedis } from '@chasqui/harness'
import { configureApps } from './apps.ts'
import { figure } from './figure.ts'
import { type ProcessUse, readProcessUse } from './measure/process.ts'
import type { Bench, RunPart } from './part.ts'
import { withProfiles } from './profile/report.ts'
import { csvPieces } from './recipients.ts'
import { appendCsv, createCampaign } from './upstream.ts'

const MEGABYTE = 1024 * 1024

type IntakeRun = {
  readonly recipientsPerSecond: number
  readonly producer: ProcessUse | null
  readonly redis: ProcessUse | null
}

/**
 * Recipients a second from CSV bytes on the API to stored chunks, and the producer's memory while it takes them. One
 * upload gives both: a producer that has just started, start-up costs and V8's warm-up included.
 */
export const runIntake: RunPart = async (bench) => {
  const recipients = bench.quick ? 200_000 : 2_000_000
  // Made beforehand, so that making them takes no CPU from what is measured.
  const csv = [...csvPieces({ recipients, seed: 1 })]
  const runs: IntakeRun[] = []
  for (let round = 1; round <= bench.rounds; round++) {
    const run = await withProfiles(bench.profile, bench.say, async (profileDir) => takeIn(csv, recipients, profileDir))
    tell(bench, run)
    runs.push(run)
  }
  const peaks = runs.flatMap((run) => run.producer?.peakBytes ?? [])
  const rows = `${recipients.toLocaleString('en-US')} rows in one upload`
  return [
    figure(
      'intake, CSV to stored chunks',
      'recipients/s',
      runs.map((run) => run.recipientsPerSecond),
      { atLeast: 200_000 },
      rows,
    ),
    ...(peaks.length === 0
      ? []
      : [
          figure(
            'producer, peak resident memory',
            'MB',
            peaks.map((bytes) => bytes / MEGABYTE),
            { atMost: 256 },
            rows,
          ),
        ]),
  ]
}

async function takeIn(csv: readonly Buffer[], rows: number, profileDir: string | null): Promise<IntakeRun> {
  const redis = await startRedis()
  // Nothing is sent: the sender's address is never called.
  const apps = await configureApps({ redisUrl: redis.url, endpointUrl: 'http://127.0.0.1:9', profileDir })
  try {
    const producer = await apps.startProducer()
    const campaign = await createCampaign(producer.url)
    const bytes = csv.reduce((sum, piece) => sum + piece.length, 0)
    const { accepted, elapsedMs } = await appendCsv(producer.url, campaign, csv, bytes)
    // Numbers are drawn at random, so a few in ten thousand repeat and are taken out as duplicates.
    if (accepted > rows || accepted < rows * 0.999) throw new Error(`${accepted} of ${rows} recipients were stored`)
    return {
      recipientsPerSecond: (accepted * 1000) / elapsedMs,
      producer: await readProcessUse(producer.pid),
      redis: await readProcessUse(redis.pid),
    }
  } finally {
    await apps.stop()
    await redis.stop()
  }
}

function tell(bench: Bench, { recipientsPerSecond, producer, redis }: IntakeRun): void {
  const memory = producer === null ? '' : `, at most ${Math.round(producer.peakBytes / MEGABYTE)} MB resident`
  const cpu =
    producer && redis ? `, ${producer.cpuSeconds.toFixed(1)} s of CPU and Redis ${redis.cpuSeconds.toFixed(1)} s` : ''
  bench.say(`intake: ${Math.round(recipientsPerSecond)} recipients/s${memory}${cpu}`)
}
