import type { StandingOrder } from '@chasqui/store'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { callerName } from '../auth.ts'
import type { Context } from '../context.ts'
import { instant } from '../view.ts'
import { answer, NO_REASON, problems, reasonBody } from './schemas.ts'

const order = z
  .object({
    reason: z.string(),
    by: z.string().nullable().describe('null where it was set in Redis by hand'),
    since: z.iso.datetime().nullable(),
  })
  .nullable()

const sendingAnswer = z.object({
  state: z.enum(['on', 'stopped', 'quarantined']),
  stopped: order.describe('the kill switch: who pulled it and why'),
  quarantine: order.describe('why the ledger is not trusted, and which worker saw it'),
  lastRelease: z
    .object({ reason: z.string(), by: z.string(), at: z.iso.datetime(), quarantine: z.string() })
    .nullable()
    .describe('how the last quarantine ended'),
})

/** Whether anything is sent at all: the kill switch, and the quarantine after Redis was seen to have gone backwards. */
export function sendingRoutes(context: Context): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/v1/sending',
      schema: {
        summary: 'Whether anything is sent at all, and if not why',
        tags: ['sending'],
        response: { 200: answer('what holds for all senders', sendingAnswer), ...problems },
      },
      handler: async () => await describe(context),
    })

    app.route({
      method: 'POST',
      url: '/v1/sending/stop',
      schema: {
        summary: 'The kill switch: stop everything, of all senders',
        description:
          'No worker claims or writes anything to the endpoint later than seconds after the answer (at most 5), nor after a restart, until sending is started again. ' +
          '`inFlight` messages were claimed by then. Deadlines go on. Given twice, the first order stays.',
        tags: ['sending'],
        body: reasonBody,
        response: { 200: answer('stopped', sendingAnswer.extend({ inFlight: z.int() })), ...problems },
      },
      handler: async (request) => {
        const by = `api:${callerName(request)}`
        const reason = request.body?.reason ?? NO_REASON
        await context.heart.stopEverything(reason, by)
        context.logger.warn({ by, reason }, 'everything was stopped')
        return { ...(await describe(context)), inFlight: await context.campaigns.inFlight() }
      },
    })

    app.route({
      method: 'POST',
      url: '/v1/sending/start',
      schema: {
        summary: 'Lift the kill switch',
        description: 'Workers go on within a second. A quarantine stays. Given twice it is done once.',
        tags: ['sending'],
        response: { 200: answer('what holds now', sendingAnswer), ...problems },
      },
      handler: async (request) => {
        const lifted = await context.heart.goOn()
        if (lifted) context.logger.warn({ by: `api:${callerName(request)}` }, 'sending was started again')
        return await describe(context)
      },
    })

    app.route({
      method: 'POST',
      url: '/v1/sending/release',
      schema: {
        summary: 'Trust the ledger again after a quarantine',
        description:
          'Redis was seen to have gone backwards: people may be `pending` who have their message already. Let the webhooks arrive, ' +
          'cancel what ran in the lost time if a second message is worse than none, and only then release. Given twice it is done once; the kill switch stays.',
        tags: ['sending'],
        body: reasonBody,
        response: { 200: answer('what holds now', sendingAnswer), ...problems },
      },
      handler: async (request) => {
        const by = `api:${callerName(request)}`
        const reason = request.body?.reason ?? NO_REASON
        const released = await context.heart.release(reason, by)
        if (released) context.logger.warn({ by, reason }, 'the ledger was released from quarantine')
        return await describe(context)
      },
    })
  }
}

async function describe(context: Context): Promise<z.output<typeof sendingAnswer>> {
  const { stopped, quarantine, released } = await context.heart.state()
  return {
    state: quarantine !== null ? 'quarantined' : stopped !== null ? 'stopped' : 'on',
    stopped: view(stopped),
    quarantine: view(quarantine),
    lastRelease:
      released === null
        ? null
        : { reason: released.why, by: released.who, at: instant(released.at), quarantine: released.quarantine },
  }
}

function view(standing: StandingOrder | null): z.output<typeof order> {
  return standing === null ? null : { reason: standing.why, by: standing.who, since: instant(standing.since) }
}
