import { AliveCampaigns, TemplateStandings } from '@chasqui/store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { CAMPAIGN, SENDER, startApi } from './api.ts'
import type { Api } from './api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(async () => {
  await api.stop()
})

test('a campaign that is held for a while and then paused by somebody does not go on by itself', async () => {
  const alive = new AliveCampaigns(api.client, api.keys)
  const id = await api.create()
  await api.upload(id, 'to,first_name\n+5511912345678,Ana\n')
  await api.call('POST', `/v1/campaigns/${id}/launch`)
  expect(await alive.hold(id, 'code_134101', Date.now() - 1)).toBe(true)
  const paused = await api.call('POST', `/v1/campaigns/${id}/pause`)
  expect([paused.status, paused.body.status]).toEqual([200, 'paused'])
  expect(await alive.endHold(id)).toBe(false)
  expect((await api.call('GET', `/v1/campaigns/${id}`)).body.status).toBe('paused')
  expect((await api.call('POST', `/v1/campaigns/${id}/resume`)).body.status).toBe('running')
})

test('a campaign whose template was stopped before is held at its launch; whoever resumes it knows better', async () => {
  const { name, language } = CAMPAIGN.template
  const template = { wabaId: SENDER.wabaId, name, language }
  const standings = new TemplateStandings(api.client, api.keys)
  await standings.hear(template, { aspect: 'status', word: 'stop', at: Date.now() - 1_000 }, [])
  const queued = await api.context.queueOf(SENDER.id)?.depth()
  const id = await api.create()
  await api.upload(id, 'to,first_name\n+5511912345678,Ana\n')
  const launched = await api.call('POST', `/v1/campaigns/${id}/launch`)
  expect([launched.status, launched.body.status, launched.body.reason]).toEqual([200, 'paused', 'template_stopped'])
  // Nobody is asked to visit it.
  expect(await api.context.queueOf(SENDER.id)?.depth()).toEqual(queued)
  const resumed = await api.call('POST', `/v1/campaigns/${id}/resume`)
  expect([resumed.status, resumed.body.status, resumed.body.reason]).toEqual([200, 'running', null])
  expect((await api.context.queueOf(SENDER.id)?.depth())?.waiting).toBeGreaterThan(queued?.waiting ?? 0)
})
