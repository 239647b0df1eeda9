import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { ConfigIssue } from './config.ts'
import { factNames } from './fact.ts'
import { happening, happeningBody, happeningPosting, stopOf } from './happening.ts'
import { isObject } from './json.ts'
import type { Row, Selection } from './ledger.ts'
import { isProcessed } from './outcome.ts'
import { PRESET_NAMES, presetPatch } from './preset.ts'
import { scriptedFates } from './script.ts'
import type { Controlled } from './simulator.ts'
import { summarise } from './summary.ts'
import { requestOf, wamidOf } from './wamid.ts'

export const CONTROL_PREFIX = '/_simulator'

/** One call of the control API. */
type Call = {
  readonly simulator: Controlled
  readonly query: Readonly<Record<string, string>>
  readonly body: string
  readonly response: ServerResponse
}

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

/** The caller's mistake, with a line for each thing that is wrong. */
class WrongCall extends Error {
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map(({ path, message }) => `${path || 'body'}: ${message}`).join('; '))
    this.name = 'WrongCall'
    this.issues = issues
  }
}

function answerFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy()
  if (error instanceof WrongCall)
    return json(response, 400, { error: { message: error.message, issues: error.issues } })
  json(response, 500, { error: { message: error instanceof Error ? error.message : String(error) } })
}

async function getSummary({ simulator, query, response }: Call): Promise<void> {
  const { world, config, loopDelayMaxMs } = simulator
  const selection = selectionOf(query)
  const summary = await summarise(world.ledger, selection, nextTurn)
  json(response, 200, {
    seed: config.seed,
    selection,
    ...summary,
    webhooks: world.courier.counts,
    witness: { loopDelayMaxMs, requests: world.ledger.size, full: world.ledger.isFull },
  })
}

async function getLedger({ simulator, query, response }: Call): Promise<void> {
  const { wamid, ...rest } = query
  const { world } = simulator
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  if (wamid !== undefined) {
    const index = requestOf(world.run, wamid)
    response.end(index === null || index >= world.ledger.size ? '' : `${lineOf(world.run, world.ledger.read(index))}\n`)
    return
  }
  const selection = selectionOf(rest)
  const size = world.ledger.size
  for (let from = 0; from < size && !response.destroyed; from += LINES) {
    const lines: string[] = []
    world.ledger.scan(selection, from, Math.min(from + LINES, size), ({ index }) =>
      lines.push(`${lineOf(world.run, world.ledger.read(index))}\n`),
    )
    if (lines.length > 0 && !response.write(lines.join(''))) await drained(response)
    else await nextTurn()
  }
  response.end()
}

/** Lines built in one go: a few milliseconds of work. */
const LINES = 2_000

function lineOf(run: number, row: Row): string {
  const processed = isProcessed(row.outcome)
  return JSON.stringify({
    request: row.index,
    at: Number(row.at.toFixed(3)),
    to: row.phone === 0 ? null : `+${row.phone}`,
    phoneNumberId: row.phoneNumberId,
    template: row.template,
    callbackData: row.callbackData,
    outcome: row.outcome,
    code: row.code,
    processed,
    wamid: processed ? wamidOf(run, row.index, row.phone) : null,
    truth: factNames(row.facts),
    told: factNames(row.told),
  })
}

async function getDuplicates({ simulator, query, response }: Call): Promise<void> {
  const { ledger, run } = simulator.world
  const selection = selectionOf(query)
  const times = new Uint16Array(ledger.recipients.count)
  const size = ledger.size
  const slices = async (
    visit: (row: { readonly index: number; readonly recipient: number }) => void,
  ): Promise<void> => {
    for (let from = 0; from < size; from += SLICE) {
      ledger.scan(selection, from, Math.min(from + SLICE, size), (row) => (row.processed ? visit(row) : undefined))
      await nextTurn()
    }
  }
  await slices(({ recipient }) => (times[recipient] = Math.min((times[recipient] ?? 0) + 1, 0xffff)))
  const doubled = times.reduce((sum, count) => sum + (count > 1 ? 1 : 0), 0)
  const shown = new Map<number, unknown[]>()
  await slices(({ index, recipient }) => {
    if ((times[recipient] ?? 0) < 2) return
    const requests = shown.get(recipient) ?? []
    if (requests.length === 0 && shown.size < DUPLICATES_SHOWN) shown.set(recipient, requests)
    requests.push(JSON.parse(lineOf(run, ledger.read(index))))
  })
  json(response, 200, { selection, doubled, shown: [...shown.values()] })
}

const SLICE = 32_768
const DUPLICATES_SHOWN = 1_000

async function getRate({ simulator, query, response }: Call): Promise<void> {
  const { ledger } = simulator.world
  const selection = selectionOf(query)
  const size = ledger.size
  const series: Record<string, { from: number; received: number[]; processed: number[]; throttled: number[] }> = {}
  for (let from = 0; from < size; from += SLICE) {
    ledger.scan(selection, from, Math.min(from + SLICE, size), (row) => {
      const id = ledger.phoneNumberId(row.number)
      const line = (series[id] ??= { from: row.at, received: [], processed: [], throttled: [] })
      const second = Math.floor((row.at - line.from) / 1000)
      if (second >= SECONDS_MAX) return
      for (const counts of [line.received, line.processed, line.throttled])
        while (counts.length <= second) counts.push(0)
      bump(line.received, second)
      if (row.processed) bump(line.processed, second)
      if (row.code === 130429) bump(line.throttled, second)
    })
    await nextTurn()
  }
  json(response, 200, { selection, series })
}

/** A day; a longer run is cut there. */
const SECONDS_MAX = 86_400

function bump(counts: number[], place: number): void {
  counts[place] = (counts[place] ?? 0) + 1
}

async function getIdle({ simulator, query, response }: Call): Promise<void> {
  const { timeoutMs } = parsed(
    z.strictObject({ timeoutMs: z.coerce.number().int().min(0).max(3_600_000).default(60_000) }),
    query,
  )
  const { courier } = simulator.world
  const ended = new AbortController()
  response.on('close', () => ended.abort())
  const idle = await Promise.race([
    courier.idle().then(() => true),
    sleep(timeoutMs, false, { signal: ended.signal }).catch(() => false),
  ])
  ended.abort()
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

function selectionOf(query: Readonly<Record<string, string>>): Selection {
  return parsed(
    z.strictObject({ template: z.string().optional(), number: z.string().optional(), campaign: z.string().optional() }),
    query,
  )
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

function parsed<T>(schema: z.ZodType<T>, value: unknown, under = ''): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new WrongCall(
    result.error.issues.map(({ path, message }) => ({
      path: [under, ...path].filter((part) => part !== '').join('.'),
      found: path.length === 0 ? value : undefined,
      message,
    })),
  )
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text)
}

/** Resolves when the client has taken what was written, or has gone. */
async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
