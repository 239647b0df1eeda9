import { startRedis } from '@chasqui/harness'
import { DeadLetters } from '@chasqui/store'
import { APP_SECRET, configureApps, PREFIX } from './apps.ts'
import { figure } from './figure.ts'
import { Ledgers } from './ledgers.ts'
import { readProcessUse } from './measure/process.ts'
import type { RunPart } from './part.ts'
import { statusBodies } from './statuses.ts'
import { hostileRequests } from './webhook/hostile.ts'
import { type Post, post } from './webhook/postman.ts'
import { signedRequest } from './webhook/signed-request.ts'

const CONNECTIONS = 64
const MEGABYTE = 1_048_576

/**
 * Malformed and hostile requests, with valid and invalid signatures: no crash, no 5xx, and after the first half, in which V8
 * and the pools find their size, no more memory.
 */
export const runFuzz: RunPart = async (bench) => {
  const requests = bench.quick ? 1_500 : 100_000
  const redis = await startRedis()
  const ledgers = new Ledgers(redis)
  const apps = await configureApps({ redisUrl: redis.url, endpointUrl: 'http://127.0.0.1:9', profileDir: null })
  try {
    const receiver = await apps.startStatusWorker()
    const ports = [Number(new URL(receiver.url).port)]
    const send = async (stream: Iterator<Buffer, void>): Promise<Post> =>
      await post({ host: '127.0.0.1', ports, connections: CONNECTIONS, requests: stream, insist: false })
    const peak = async (): Promise<number> => ((await readProcessUse(receiver.pid))?.peakBytes ?? NaN) / MEGABYTE

    const first = await send(hostileRequests(requests / 2, 1))
    const half = await peak()
    const second = await send(hostileRequests(requests / 2, 2))
    const whole = await peak()
    const answers = new Map(first.answers)
    for (const [status, times] of second.answers) answers.set(status, (answers.get(status) ?? 0) + times)
    const told = [...answers]
      .toSorted(([left], [right]) => left - right)
      .map(([status, times]) => `${status || 'cut off'} ${times}`)
    bench.say(
      `fuzz: answers ${told.join(', ')}; ${Math.round(half)} MB after half of them, ${Math.round(whole)} MB at the end`,
    )

    const failed = [...answers].filter(([status]) => status >= 500).reduce((sum, [, times]) => sum + times, 0)
    const good = await send([genuine()].values())
    const letters = await new DeadLetters(ledgers.client, ledgers.keys, MEGABYTE).count()
    const note = `${requests} requests; ${letters} dead letters kept`
    return [
      figure('hostile webhooks: 5xx', 'answers', [failed], { atMost: 0 }, note),
      figure('hostile webhooks: a good one is taken in afterwards', 'answers', [good.answers.get(200) ?? 0], {
        atLeast: 1,
      }),
      ...(Number.isNaN(whole)
        ? []
        : [
            figure(
              'hostile webhooks: memory at the end against half-way',
              '×',
              [whole / half],
              { atMost: 1.2 },
              `${Math.round(whole)} MB`,
            ),
          ]),
    ]
  } finally {
    await apps.stop()
    await ledgers.close()
    await redis.stop()
  }
}

function genuine(): Buffer {
  const [body = ''] = statusBodies({
    environment: PREFIX,
    campaigns: [{ id: 'nobody', ordinals: [0] }],
    eventsPerBody: 1,
    seed: 1,
  })
  return signedRequest(body, APP_SECRET, '127.0.0.1')
}
