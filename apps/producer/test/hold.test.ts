import { AliveCampaigns } from '@chasqui/store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { startApi } from './api.ts'
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
