import { explain, rateInForce } from '@chasqui/delivery'
import { FAILURE_DAYS_MAX, PAUSED } from '@chasqui/store'
import type { SenderFailure } from '@chasqui/store'
import type { Sender } from '@chasqui/runtime'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { callerName } from '../auth.ts'
import type { Context } from '../context.ts'
import { Problem } from '../problem.ts'
import { instant } from '../view.ts'
import { answer, moreProblems, NO_REASON, problems, reasonBody, senderParams } from './schemas.ts'

const senderAnswer = z.object({
  id: z.string(),
  phoneNumberId: z.string(),
  state: z.enum(['ok', 'throttled', 'resting', 'blocked', 'paused']),
  why: z.array(
    z.object({
      reason: z.string(),
      detail: z.string(),
      by: z.string().nullable().describe('who ordered it; null where the endpoint or an event did'),
      since: z.string(),
      until: z.string().nullable(),
    }),
  ),
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
  replies: z
    .object({ taps: z.int(), messages: z.int(), reactions: z.int() })
    .describe('what people wrote to the number since ever, each counted once'),
  clicks: z
    .object({ links: z.int(), landingPages: z.int() })
    .describe('clicks on links of its messages that Meta saw; Meta does not tell whose, nor of which campaign'),
  failures: z
    .array(
      z.object({
        code: z.int().nullable().describe('null: codes beyond the 300 kinds that a day holds; 0: Meta named none'),
        refused: z.int().describe('answers to sends, whatever followed from them'),
        failed: z.int().describe('recipients that a status told to have failed'),
        meaning: z.string(),
        whatToDo: z.string(),
      }),
    )
    .describe(
      `of the last ${FAILURE_DAYS_MAX} days (UTC), the most first; a killed process may leave out its last second`,
    ),
  limit: z.number().describe('in force now, after what the endpoint asked for'),
  queue: z.object({ waiting: z.int(), active: z.int(), delayed: z.int() }).describe('chunks, not messages'),
})

const blockParams = senderParams.extend({
  reason: z
    .string()
    .regex(/^(account_[a-z]{1,32}|code_\d{1,8})$/, 'account_<why> or code_<number>, as GET /v1/senders shows it'),
})

/** Each sender's rate, limit, state and why; and pausing one. */
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

    app.route({
      method: 'POST',
      url: '/v1/senders/:id/pause',
      schema: {
        summary: 'Hand nothing more over through this sender until it is resumed',
        description:
          'From the answer on nothing of it is claimed by any worker; `inFlight` messages were claimed by then and end within seconds. ' +
          'Campaigns keep their status and their deadlines. Given twice, the first pause stays.',
        tags: ['senders'],
        params: senderParams,
        body: reasonBody,
        response: {
          200: answer('the sender afterwards', senderAnswer.extend({ inFlight: z.int() })),
          ...problems,
          404: moreProblems[404],
        },
      },
      handler: async (request) => {
        const sender = senderOf(context, request.params.id)
        const reason = request.body?.reason ?? NO_REASON
        const inFlight = await context.control.pauseSender(sender.id, reason, callerName(request))
        return { ...(await describe(context, sender, await context.campaigns.now())), inFlight }
      },
    })

    app.route({
      method: 'POST',
      url: '/v1/senders/:id/resume',
      schema: {
        summary: 'Lift the pause of a sender',
        description:
          'Its campaigns go on where they were; other blocks of the sender stay. Given twice it is done once.',
        tags: ['senders'],
        params: senderParams,
        response: { 200: answer('the sender afterwards', senderAnswer), ...problems, 404: moreProblems[404] },
      },
      handler: async (request) => {
        const sender = senderOf(context, request.params.id)
        await context.control.resumeSender(sender.id)
        return await describe(context, sender, await context.campaigns.now())
      },
    })

    app.route({
      method: 'DELETE',
      url: '/v1/senders/:id/blocks/:reason',
      schema: {
        summary: 'Lift a block that a webhook or an answer of the endpoint brought about',
        description:
          '`account_<why>`: for the case that the webhook which would lift it was lost. What Meta said of the account before changes ' +
          'nothing any more; what it says later does. `code_<n>`: sending is tried at once instead of at `until`, and the same answer ' +
          'blocks again. A pause is lifted by resuming.',
        tags: ['senders'],
        params: blockParams,
        response: { 200: answer('the sender afterwards', senderAnswer), ...problems, 404: moreProblems[404] },
      },
      handler: async (request) => {
        const sender = senderOf(context, request.params.id)
        const now = await context.campaigns.now()
        const { reason } = request.params
        if (reason.startsWith('code_')) await context.senders.unblock(sender.id, reason)
        else await context.notices.liftBlock(sender.id, sender.wabaId, reason, now)
        return await describe(context, sender, now)
      },
    })
  }
}

function senderOf(context: Context, id: string): Sender {
  const sender = context.configured.get(id)
  if (sender === undefined) throw new Problem('sender_not_found', `there is no sender "${id}" here`)
  return sender
}

async function describe(context: Context, sender: Sender, now: number): Promise<z.output<typeof senderAnswer>> {
  const [pacing, messagingLimit, echoes, failures, blocks, depth] = await Promise.all([
    context.senders.pacing(sender.id),
    context.senders.fact(sender.id, 'messaging_limit'),
    context.echoes.ofSender(sender.id),
    context.failures.read(sender.id, now, FAILURE_DAYS_MAX),
    context.senders.blocks(sender.id, now),
    context.queueOf(sender.id)?.depth() ?? { waiting: 0, active: 0, delayed: 0 },
  ])
  const { messagesPerSecond: configured, maxMessagesPerSecond: cap } = sender
  const { messagesPerSecond, origin } = rateInForce({ ...pacing.said, configured, cap })
  const { learned } = pacing.said
  const why = [...blocks].map(([reason, block]) => ({
    reason,
    detail: block.detail,
    by: block.by ?? null,
    since: instant(block.since),
    until: instant(block.until),
  }))
  const resting = pacing.restUntil > now
  return {
    id: sender.id,
    phoneNumberId: sender.phoneNumberId,
    state: blocks.has(PAUSED)
      ? 'paused'
      : why.length > 0
        ? 'blocked'
        : resting
          ? 'resting'
          : pacing.factor < 1
            ? 'throttled'
            : 'ok',
    why: resting
      ? [
          ...why,
          {
            reason: 'rest',
            detail: 'the endpoint asked for a pause',
            by: null,
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
    replies: { taps: echoes.replies.tap, messages: echoes.replies.message, reactions: echoes.replies.reaction },
    clicks: { links: echoes.clicks.link, landingPages: echoes.clicks.landing_page },
    failures: failures.map(explained),
    limit: messagesPerSecond * pacing.factor,
    queue: depth,
  }
}

function explained({ code, refused, failed }: SenderFailure) {
  if (code === 'other')
    return { code: null, refused, failed, meaning: 'many other codes', whatToDo: 'look at the logs' }
  return { code: Number(code), refused, failed, ...explain(Number(code)) }
}
