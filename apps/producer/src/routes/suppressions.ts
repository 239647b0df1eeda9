import { readPhone, RecipientIntake } from '@chasqui/campaign'
import type { Batch } from '@chasqui/campaign'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { deferBody, refuseRest } from '../body.ts'
import type { Context } from '../context.ts'
import { Problem } from '../problem.ts'
import { bodyForm, takeUpload, uploadView } from '../upload.ts'
import { answer, moreProblems, problems, suppressionParams, uploadAnswer } from './schemas.ts'

const suppressed = z.object({ phone: z.string(), suppressed: z.literal(true) })

/** Opt-outs. What is answered is stored: no later claim of that person succeeds. */
export function suppressionRoutes(context: Context): FastifyPluginAsyncZod {
  return async (app) => {
    app.register(async (streaming) => {
      deferBody(streaming)
      streaming.route({
        method: 'POST',
        url: '/v1/suppressions',
        schema: {
          summary: 'Add opt-outs, any number of them',
          description:
            'The same bodies as recipients; only `to` is read. A JSON list may hold bare telephone numbers. `accepted` were not suppressed before, `duplicates` were.',
          tags: ['suppressions'],
          consumes: ['text/csv', 'application/x-ndjson', 'application/json'],
          response: { 200: answer('stored', uploadAnswer), ...problems, 415: moreProblems[415] },
        },
        handler: async (request) => {
          try {
            const form = bodyForm(request.headers['content-type'], request.headers['content-encoding'])
            const intake = new RecipientIntake(form.format, {
              columns: [],
              unknownColumns: 'ignore',
              unitedStates: 'take',
            })
            const result = await takeUpload({
              source: request.raw,
              form,
              intake,
              store: async (batch) => await suppress(context, batch),
              stop: context.stopping,
            })
            context.metrics.suppressions.inc({ change: 'added' }, result.accepted)
            return uploadView(intake, result)
          } catch (error) {
            refuseRest(request)
            throw error
          }
        },
      })
    })

    app.route({
      method: 'GET',
      url: '/v1/suppressions/:phone',
      schema: {
        summary: 'Whether somebody has opted out',
        tags: ['suppressions'],
        params: suppressionParams,
        response: { 200: answer('they have', suppressed), ...problems, 404: moreProblems[404] },
      },
      handler: async (request) => {
        const to = phoneOf(request.params.phone)
        const [found] = await context.suppressions.areSuppressed([to])
        if (found !== true) throw new Problem('not_suppressed', 'this number is not suppressed')
        return { phone: `+${to}`, suppressed: true as const }
      },
    })

    app.route({
      method: 'DELETE',
      url: '/v1/suppressions/:phone',
      schema: {
        summary: 'Take an opt-out back',
        description:
          'Whoever gave it: one given here, or by the person in WhatsApp. What the person said before this call changes nothing any more, however late it is heard; a later stop does. A later resume of the person never takes back what was given here.',
        tags: ['suppressions'],
        params: suppressionParams,
        response: { 204: z.undefined().describe('they have not opted out now'), ...problems },
      },
      handler: async (request, reply) => {
        const removed = await context.suppressions.remove([phoneOf(request.params.phone)])
        context.metrics.suppressions.inc({ change: 'removed' }, removed)
        return await reply.code(204).send()
      },
    })
  }
}

async function suppress(context: Context, batch: Batch) {
  const numbers = batch.chunks.flatMap((chunk) => Array.from(chunk.to))
  const added = await context.suppressions.add(numbers)
  return { kind: 'stored', added, duplicates: numbers.length - added } as const
}

function phoneOf(text: string): number {
  const phone = readPhone(text)
  if (phone.kind === 'phone') return phone.to
  throw new Problem('not_a_phone_number', `not a telephone number with its country code (${phone.reason})`, {
    errors: [{ parameter: 'phone', detail: phone.reason }],
  })
}
