import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { seededRandom } from '../random.ts'
import { randomRecipient } from '../recipients.ts'
import { PLAIN_QUEUE, type PlainJob } from './job.ts'

const BULK = 1_000

/** Queues one job a recipient, a thousand in each `addBulk`. */
export async function fillPlainQueue(redisUrl: string, recipients: number, seed: number): Promise<void> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
  const queue = new Queue<PlainJob>(PLAIN_QUEUE, { connection })
  const random = seededRandom(seed)
  for (let first = 0; first < recipients; first += BULK) {
    const jobs = Array.from({ length: Math.min(BULK, recipients - first) }, (_, index) => ({
      name: 'send',
      data: { ...randomRecipient(random), campaign: 'mb8k2q1xa7c3f9zp', ordinal: first + index },
      opts: { removeOnComplete: true },
    }))
    await queue.addBulk(jobs)
  }
  await queue.close()
  await connection.quit()
}
