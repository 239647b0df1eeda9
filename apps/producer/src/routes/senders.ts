import { rateInForce } from '@chasqui/delivery'
import type { Sender } from '@chasqui/runtime'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import type { Context } from '../context.ts'
import { instant } from '../view.ts'
import { answer, problems } from './schemas.ts'

const senderAnswer = z.object({
  id: z.string(),
  phoneNumberId: z.string(),
  state: z.enum(['ok', 'throttled', 'resting', 'blocked']),
  why: z.array(z.object({ reason: z.string(), detail: z.string(), since: z.string(), until: z.string().nullable() })),
  messagesPerSecond: z.number().describe('whoever has the say about it: see rate.origin'),
  rate: z.object({
    origin: z
      .enum(['senders_file', 'throughput_upgrade', 'override', 'cap'])
      .describe("the senders file, Meta's webhook, an operator's word in Redis, or maxMessagesPerSecond"),
    configured: z.int(),
    max: z.int().nullable(),
    learned: z.object({ messagesPerSecond: z.number(), at: z.string().nullable() }).nullable(),
  }),
  messagingLimit: z
    .object({ limit: z.string(), at: z.string() })
    .nullable()
    .describe('people who may be written to in 24 hours, as Meta last told'),
  limit: z.number().describe('in force now, after what the endpoint asked for'),
  queue: z.object({ waiting: z.int(), active: z.int(), delayed: z.int() }).describe('chunks, not messages'),
})

/** Each sender's rate, limit, state and why. */
export function senderRoutes(context: Context): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/v1/senders',
      schema: {
        summary: "Each sender's rate, limit, state and why",
        tags: ['senders'],
        response: {
          200: answer('all senders of this installation', z.object({ senders: z.array(senderAnswer) })),
          ...problems,
        },
      },
      handler: async () => {
        const now = await context.campaigns.now()
        const senders = await Promise.all(
          [...context.configured.values()].map(async (sender) => await describe(context, sender, now)),
        )
        return { senders }
      },
    })
  }
}

async function describe(context: Context, sender: Sender, now: number): Promise<z.output<typeof senderAnswer>> {
  const [pacing, messagingLimit, blocks, depth] = await Promise.all([
    context.senders.pacing(sender.id),
    context.senders.fact(sender.id, 'messaging_limit'),
    context.senders.blocks(sender.id, now),
    context.queueOf(sender.id)?.depth() ?? { waiting: 0, active: 0, delayed: 0 },
  ])
  const { messagesPerSecond: configured, maxMessagesPerSecond: cap } = sender
  const { messagesPerSecond, origin } = rateInForce({ ...pacing.said, configured, cap })
  const { learned } = pacing.said
  const why = [...blocks].map(([reason, block]) => ({
    reason,
    detail: block.detail,
    since: instant(block.since),
    until: instant(block.until),
  }))
  const resting = pacing.restUntil > now
  return {
    id: sender.id,
    phoneNumberId: sender.phoneNumberId,
    state: why.length > 0 ? 'blocked' : resting ? 'resting' : pacing.factor < 1 ? 'throttled' : 'ok',
    why: resting
      ? [
          ...why,
          {
            reason: 'rest',
            detail: 'the endpoint asked for a pause',
            since: instant(now),
            until: instant(pacing.restUntil),
          },
        ]
      : why,
    messagesPerSecond,
    rate: {
      origin,
      configured,
      max: cap,
      learned: learned === null ? null : { messagesPerSecond: learned, at: instant(pacing.learnedAt) },
    },
    messagingLimit: messagingLimit === null ? null : { limit: messagingLimit.value, at: instant(messagingLimit.at) },
    limit: messagesPerSecond * pacing.factor,
    queue: depth,
  }
}
