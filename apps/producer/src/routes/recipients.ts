import { Readable } from 'node:stream'

import { columnsOf, RecipientIntake, stepFor } from '@chasqui/campaign'
import { storagePlaceOf } from '@chasqui/store'
import type { Campaign } from '@chasqui/store'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { deferBody, refuseRest } from '../body.ts'
import type { Appender, Context } from '../context.ts'
import { CSV, exportLines, NDJSON } from '../export.ts'
import { campaignNotFound, Problem } from '../problem.ts'
import { bodyForm, bytesTold, notOpen, takeUpload, uploadView } from '../upload.ts'
import { answer, campaignParams, exportQuery, moreProblems, problems, uploadAnswer, uploadQuery } from './schemas.ts'

/** Recipients in, as a stream of any length, and out again. */
export function recipientRoutes(context: Context): FastifyPluginAsyncZod {
  return async (app) => {
    deferBody(app)

    app.route({
      method: 'POST',
      url: '/v1/campaigns/:id/recipients',
      schema: {
        summary: 'Append recipients from a stream of any length',
        description:
          'A CSV with a header row, NDJSON or a JSON array; gzip is understood. `to` is the telephone number, `ref` your own id, and each placeholder needs its column. ' +
          'Rows that cannot be taken are told and the others taken. Sending the same body again adds nothing.',
        tags: ['recipients'],
        consumes: ['text/csv', 'application/x-ndjson', 'application/json'],
        params: campaignParams,
        querystring: uploadQuery,
        response: {
          200: answer('what became of the rows', uploadAnswer),
          ...problems,
          404: moreProblems[404],
          409: moreProblems[409],
          415: moreProblems[415],
        },
      },
      handler: async (request) => {
        try {
          const form = bodyForm(request.headers['content-type'], request.headers['content-encoding'])
          const campaign = await context.campaigns.read(request.params.id)
          if (campaign === null) throw campaignNotFound(request.params.id)
          if (campaign.parent !== null)
            throw new Problem('campaign_not_open', 'a run of a recurring campaign has the recipients of its parent')
          if (stepFor('append', campaign.status, 'now').kind === 'refused') throw notOpen(campaign.status)
          const needs = {
            columns: columnsOf(campaign.spec),
            unknownColumns: request.query.unknownColumns,
            unitedStates: campaign.spec.sendToUnitedStates === true ? ('take' as const) : ('refuse' as const),
          }
          const intake = new RecipientIntake(form.format, needs, storagePlaceOf)
          await context.room.check()
          const appender = context.openAppender(campaign.id)
          await appender.open()
          const store = counting(context, appender.append)
          const bytes = bytesTold(request.headers['content-length'], form)
          const result = await takeUpload({
            source: request.raw,
            form,
            intake,
            store,
            forecast: bytes === null ? undefined : { bytes, expect: appender.expect },
            stop: context.stopping,
          })
          await appender.close().catch(() => {})
          return uploadView(intake, result)
        } catch (error) {
          refuseRest(request)
          throw error
        }
      },
    })

    app.route({
      method: 'GET',
      url: '/v1/campaigns/:id/recipients',
      schema: {
        summary: 'Every recipient and what became of them',
        description:
          'NDJSON, or CSV by `Accept: text/csv`. While the campaign runs it is no snapshot: each chunk is read at its own instant.',
        tags: ['recipients'],
        produces: ['application/x-ndjson', 'text/csv'],
        params: campaignParams,
        querystring: exportQuery,
      },
      handler: async (request, reply) => {
        const campaign = await context.campaigns.read(request.params.id)
        if (campaign === null) throw campaignNotFound(request.params.id)
        await refuseGone(context, campaign)
        const format = /\btext\/csv\b/.test(request.headers.accept ?? '') ? CSV : NDJSON
        const lines = exportLines(context.recipients.read(campaign), request.query, format)
        return await reply
          .header('content-type', format.contentType)
          .send(Readable.from(lines, { objectMode: true, highWaterMark: 2 }))
      },
    })
  }
}

/** Recipients may go before the campaign does. */
async function refuseGone(context: Context, { id, recipientsUntil }: Campaign): Promise<void> {
  if (recipientsUntil === null || (await context.campaigns.now()) < recipientsUntil) return
  const at = new Date(recipientsUntil).toISOString()
  throw new Problem(
    'recipients_gone',
    `the recipients of ${id} were deleted on ${at}; its numbers stay a while longer`,
    {
      recipientsUntil: at,
    },
  )
}

/** Count rows as they are stored: an upload that breaks off has been counted as far as it went. */
function counting(context: Context, append: Appender['append']): Appender['append'] {
  return async (batch) => {
    await context.room.check()
    const reply = await append(batch)
    if (reply.kind === 'stored') {
      const rejected = Object.values(batch.tally.rejected).reduce((sum, count) => sum + count, 0)
      context.metrics.rows.inc({ result: 'accepted' }, reply.added)
      context.metrics.rows.inc({ result: 'duplicate' }, reply.duplicates)
      context.metrics.rows.inc({ result: 'rejected' }, rejected)
    }
    return reply
  }
}
