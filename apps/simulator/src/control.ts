import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import { json, parsed, WrongCall } from './call.ts'
import type { Call } from './call.ts'
import { happening, happeningBody, happeningPosting, stopOf } from './happening.ts'
import { isObject } from './json.ts'
import { PRESET_NAMES, presetPatch } from './preset.ts'
import { scriptedFates } from './script.ts'
import type { Controlled } from './simulator.ts'
import { getDuplicates, getLedger, getRate, getSummary } from './views.ts'

export const CONTROL_PREFIX = '/_simulator'

type Route = { readonly does: string; readonly run: (call: Call) => Promise<void> }

const ROUTES: Readonly<Record<string, Route>> = {
  'GET /': { does: 'what there is', run: async ({ response }) => json(response, 200, { routes: described() }) },
  'GET /livez': { does: 'answers', run: async ({ response }) => json(response, 200, { ok: true }) },
  'GET /summary': { does: 'the ledger in numbers; ?template= ?number= ?campaign=', run: getSummary },
  'GET /ledger': { does: 'the ledger, NDJSON; ?template= ?number= ?campaign= ?wamid=', run: getLedger },
  'GET /duplicates': {
    does: 'recipients that were sent to more than once; ?template= ?number= ?campaign=',
    run: getDuplicates,
  },
  'GET /rate': { does: 'requests by second and phone number; ?template= ?number= ?campaign=', run: getRate },
  'GET /idle': { does: 'answers when no webhook is pending; ?timeoutMs=', run: getIdle },
  'GET /config': {
    does: 'how it behaves',
    run: async ({ simulator, response }) => json(response, 200, simulator.config),
  },
  'POST /config': { does: 'change part of it, {"preset": …} first if given', run: postConfig },
  'POST /reset': { does: 'forget everything but the configuration', run: postReset },
  'POST /fates': {
    does: 'lay down what recipients meet: {"+5511…": {"answers": [131016, "reset"], "facts": ["sent"]}}',
    run: postFates,
  },
  'POST /webhooks': { does: 'post one webhook now; ?signing=valid|wrong|missing ?times=', run: postWebhook },
}

/** Answers a call under `/_simulator`. Never rejects. */
export function control(
  simulator: Controlled,
  method: string,
  url: string,
  body: string,
  response: ServerResponse,
): void {
  const { pathname, searchParams } = new URL(url, 'http://simulator')
  const route = ROUTES[`${method} ${pathname.slice(CONTROL_PREFIX.length) || '/'}`]
  if (route === undefined)
    return json(response, 404, { error: { message: `No ${method} ${pathname} here.`, routes: described() } })
  route
    .run({ simulator, query: Object.fromEntries(searchParams), body, response })
    .catch((error: unknown) => answerFailure(response, error))
}

function described(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ROUTES).map(([route, { does }]) => [route.replace('/', `${CONTROL_PREFIX}/`), does]),
  )
}

function answerFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy()
  if (error instanceof WrongCall)
    return json(response, 400, { error: { message: error.message, issues: error.issues } })
  json(response, 500, { error: { message: error instanceof Error ? error.message : String(error) } })
}

async function getIdle({ simulator, query, response }: Call): Promise<void> {
  const { timeoutMs } = parsed(
    z.strictObject({ timeoutMs: z.coerce.number().int().min(0).max(3_600_000).default(60_000) }),
    query,
  )
  const { courier } = simulator.world
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const idle = await courier.idle(AbortSignal.any([AbortSignal.timeout(timeoutMs), gone.signal]))
  json(response, idle ? 200 : 504, { idle, webhooks: courier.counts })
}

async function postConfig({ simulator, body, response }: Call): Promise<void> {
  const { preset, ...patch } = bodyOf(body)
  const named = parsed(z.enum(PRESET_NAMES).optional(), preset, 'preset')
  const result = simulator.patch(named === undefined ? [patch] : [presetPatch(named), patch])
  if (!result.ok) throw new WrongCall(result.issues)
  json(response, 200, simulator.config)
}

async function postReset({ simulator, response }: Call): Promise<void> {
  await simulator.reset()
  json(response, 200, { reset: true })
}

async function postFates({ simulator, body, response }: Call): Promise<void> {
  const { scripted } = simulator.world.endpoint
  const fates = Object.entries(parsed(scriptedFates, bodyOf(body)))
  if (scripted.size + fates.length > FATES_MAX)
    throw new WrongCall([{ path: '', found: fates.length, message: `at most ${FATES_MAX} fates` }])
  for (const [recipient, fate] of fates) scripted.set(Number(recipient.slice(1)), fate)
  json(response, 200, { scripted: scripted.size })
}

const FATES_MAX = 100_000

async function postWebhook({ simulator, query, body, response }: Call): Promise<void> {
  const { signing, times } = parsed(happeningPosting, query)
  const told = parsed(happening, bodyOf(body))
  const { endpoint, courier } = simulator.world
  const stop = stopOf(told)
  if (stop?.stopped === true) endpoint.stopped.add(stop.phone)
  if (stop?.stopped === false) endpoint.stopped.delete(stop.phone)
  const text = happeningBody(simulator.config, told, Date.now())
  const answers: (number | null)[] = []
  for (let i = 0; i < times; i++) answers.push(await courier.post(text, signing))
  json(response, 200, { answers })
}

function bodyOf(text: string): { readonly [key: string]: unknown } {
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // Told below, together with JSON that is no object.
  }
  throw new WrongCall([{ path: '', found: text.slice(0, 100), message: 'a JSON object is expected' }])
}
