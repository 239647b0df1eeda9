import { createHash } from 'node:crypto'

import { campaignSpecSchema, notAfterOf } from '@chasqui/campaign'
import type { CampaignSpec } from '@chasqui/campaign'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { callerName } from '../auth.ts'
import type { Context } from '../context.ts'
import { campaignNotFound, Problem } from '../problem.ts'
import { readReport } from '../report.ts'
import { createdView, summaryView } from '../view.ts'
import type { CampaignView } from '../view.ts'
import {
  answer,
  campaignAnswer,
  campaignList,
  campaignParams,
  listQuery,
  moreProblems,
  problems,
  recountAnswer,
} from './schemas.ts'

/** Creating, reading and listing campaigns. */
export function campaignRoutes(context: Context): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'POST',
      url: '/v1/campaigns',
      schema: {
        summary: 'Create a draft',
        description:
          'With an `Idempotency-Key` header, the same key and body give the same answer for 24 h; another body under the same key gives 409.',
        tags: ['campaigns'],
        body: campaignSpecSchema,
        response: { 201: answer('the draft', campaignAnswer), ...problems, 409: moreProblems[409] },
      },
      handler: async (request, reply) => {
        const spec = request.body
        if (!context.configured.has(spec.sender)) {
          throw new Problem('unknown_sender', `there is no sender "${spec.sender}" here`, {
            errors: [{ pointer: '/sender', detail: 'no such sender' }],
          })
        }
        await context.room.check()
        const view = await create(
          context,
          spec,
          idempotencyKey(request.headers['idempotency-key'], callerName(request)),
        )
        return await reply.code(201).header('location', `/v1/campaigns/${view.id}`).send(view)
      },
    })

    app.route({
      method: 'GET',
      url: '/v1/campaigns/:id',
      schema: {
        summary: 'A campaign and its report',
        tags: ['campaigns'],
        params: campaignParams,
        response: { 200: answer('one read, whatever its size', campaignAnswer), ...problems, 404: moreProblems[404] },
      },
      handler: async (request) => await readReport(context, request.params.id),
    })

    app.route({
      method: 'POST',
      url: '/v1/campaigns/:id/recount',
      schema: {
        summary: 'Count it again from its ledger and hold its numbers against that',
        description:
          'At one instant, also while it runs. Changes nothing. `differences` is empty when every number is right; anything else is a defect worth reporting.',
        tags: ['campaigns'],
        params: campaignParams,
        response: { 200: answer('what was found', recountAnswer), ...problems, 404: moreProblems[404] },
      },
      handler: async (request) => {
        const { id } = request.params
        if ((await context.campaigns.read(id)) === null) throw campaignNotFound(id)
        const differences = await context.recount(id)
        return { campaign: id, equal: differences.length === 0, differences }
      },
    })

    app.route({
      method: 'GET',
      url: '/v1/campaigns',
      schema: {
        summary: 'Campaigns, newest first',
        tags: ['campaigns'],
        querystring: listQuery,
        response: { 200: answer('a page, and the cursor of the next', campaignList), ...problems },
      },
      handler: async (request) => {
        const { status = null, cursor = null, limit } = request.query
        const page = await context.campaigns.list({ status, cursor, limit })
        return { campaigns: page.campaigns.map(summaryView), cursor: page.cursor }
      },
    })
  }
}

/**
 * Create a campaign once for each key: whoever reserves the key first decides its id, everybody else finishes the same
 * creation, so that one which broke off half-way is completed by the next try.
 */
async function create(context: Context, spec: CampaignSpec, key: string | null): Promise<CampaignView> {
  const now = await context.campaigns.now()
  const mine = { digest: digest(JSON.stringify(spec)), id: context.newId(), createdAt: now }
  const {
    digest: reserved,
    id,
    createdAt,
  } = key === null ? mine : await context.campaigns.reserve(key, mine.digest, mine.id, mine.createdAt)
  if (reserved !== mine.digest) {
    throw new Problem('idempotency_key_reused', 'this Idempotency-Key was used for a campaign with another body', {
      campaign: id,
    })
  }
  await context.campaigns.create({ id, spec, createdAt })
  const startAt = spec.schedule?.startAt
  const times = { startAt: startAt === undefined ? null : Date.parse(startAt), notAfter: notAfterOf(spec) }
  return createdView({ id, spec, createdAt, ...times }, context.rateCard)
}

/** The key as it is stored: nobody finds another caller's, and what callers put in it stays theirs. */
function idempotencyKey(header: string | string[] | undefined, caller: string): string | null {
  if (header === undefined) return null
  if (typeof header !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(header)) {
    throw new Problem('invalid_request', 'Idempotency-Key: 1 to 255 visible ASCII characters are expected', {
      errors: [{ parameter: 'Idempotency-Key', detail: 'wrong form' }],
    })
  }
  return digest(`${caller}\0${header}`)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
