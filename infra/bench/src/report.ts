import { startRedis } from '@chasqui/harness'
import { Redis } from 'ioredis'
import { configureApps } from './apps.ts'
import { figure } from './figure.ts'
import type { RunPart } from './part.ts'
import { readCounts, appendCsv, createCampaign, launch } from './upstream.ts'
import { percentile } from './webhook/postman.ts'

const NUMBERS_A_PIECE = 20_000
const FIRST_NUMBER = 5_511_900_000_000

/** The report of a campaign of ten million recipients, uploaded and launched over the API: how long one read takes. */
export const runReport: RunPart = async (bench) => {
  const recipients = bench.quick ? 20_000 : 10_000_000
  const redis = await startRedis({ config: { 'auto-aof-rewrite-percentage': '0' } })
  const apps = await configureApps({ redisUrl: redis.url, endpointUrl: 'http://127.0.0.1:9', profileDir: null })
  const client = new Redis(redis.url)
  try {
    const { url } = await apps.startProducer()
    const campaign = await createCampaign(url)
    const { accepted, elapsedMs } = await appendCsv(url, campaign, numbers(recipients))
    if (accepted !== recipients) throw new Error(`${accepted} of ${recipients} recipients were stored`)
    bench.say(`report: ${recipients} recipients uploaded in ${(elapsedMs / 1_000).toFixed(0)} s`)
    await launch(url, campaign)
    // What a read asks of Redis: few commands, all of them short.
    await client.config('SET', 'slowlog-log-slower-than', '1000')
    await client.slowlog('RESET')
    const reads = bench.quick ? 50 : 500
    const took: number[] = []
    for (let read = 0; read < reads; read += 1) {
      const startedAt = performance.now()
      const counts = await readCounts(url, campaign)
      took.push(performance.now() - startedAt)
      if (counts['recipients'] !== recipients) throw new Error(`the report says ${counts['recipients']} recipients`)
    }
    const slow = (await client.slowlog('LEN')) as number
    const note = `${recipients} recipients, over HTTP, ${reads} reads one after the other`
    return [
      figure('report of a large campaign: one read, median', 'ms', [percentile(took, 0.5)], { atMost: 5 }, note),
      figure('report of a large campaign: one read, p99', 'ms', [percentile(took, 0.99)]),
      figure('report of a large campaign: Redis commands over 1 ms meanwhile', 'commands', [slow]),
    ]
  } finally {
    client.disconnect()
    await apps.stop()
    await redis.stop()
  }
}

/** A file of one column, each number once. */
function* numbers(count: number): Generator<Buffer> {
  yield Buffer.from('to,first_name,code,amount\n')
  for (let from = 0; from < count; from += NUMBERS_A_PIECE) {
    let piece = ''
    for (let place = from; place < Math.min(count, from + NUMBERS_A_PIECE); place += 1)
      piece += `+${FIRST_NUMBER + place * 7},Ana,X,1\n`
    yield Buffer.from(piece)
  }
}
