import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { callerName } from '../auth.ts'
import type { Context } from '../context.ts'
import { readReport } from '../report.ts'
import { answer, campaignAnswer, campaignParams, moreProblems, problems } from './schemas.ts'

type Give = (context: Context, id: string, caller: string) => Promise<void>

const ORDERS: Readonly<Record<string, { readonly summary: string; readonly give: Give }>> = {
  launch: {
    summary: 'Start it, or schedule it if it has a schedule',
    give: async (context, id) => await context.control.launch(id),
  },
  pause: {
    summary: 'Hand nothing more over until it is resumed',
    give: async (context, id, caller) => await context.control.pause(id, caller),
  },
  resume: { summary: 'Go on', give: async (context, id) => await context.control.resume(id) },
  cancel: { summary: 'End it for good', give: async (context, id, caller) => await context.control.cancel(id, caller) },
}

/** Launch, pause, resume, cancel: answered as soon as they hold. `counts.sending` tells how many are still on the wire. */
export function orderRoutes(context: Context): FastifyPluginAsyncZod {
  return async (app) => {
    for (const [order, { summary, give }] of Object.entries(ORDERS)) {
      app.route({
        method: 'POST',
        url: `/v1/campaigns/:id/${order}`,
        schema: {
          summary,
          description:
            'Given twice it is done once. From the answer on it holds; `inFlight` requests were on the wire by then.',
          tags: ['campaigns'],
          params: campaignParams,
          response: {
            200: answer('the campaign afterwards', campaignAnswer),
            ...problems,
            404: moreProblems[404],
            409: moreProblems[409],
          },
        },
        handler: async (request) => {
          const { id } = request.params
          await give(context, id, callerName(request))
          const view = await readReport(context, id)
          return { ...view, inFlight: view.counts.sending }
        },
      })
    }
  }
}
