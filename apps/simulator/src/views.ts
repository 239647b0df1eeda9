import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import { json, parsed } from './call.ts'
import type { Call } from './call.ts'
import { factNames } from './fact.ts'
import type { Row, Selection } from './ledger.ts'
import { isProcessed } from './outcome.ts'
import { summarise } from './summary.ts'
import { requestOf, wamidOf } from './wamid.ts'

export async function getSummary({ simulator, query, response }: Call): Promise<void> {
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

export async function getLedger({ simulator, query, response }: Call): Promise<void> {
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

export async function getDuplicates({ simulator, query, response }: Call): Promise<void> {
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

const SLICE = 8_192
const DUPLICATES_SHOWN = 1_000

export async function getRate({ simulator, query, response }: Call): Promise<void> {
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

function selectionOf(query: Readonly<Record<string, string>>): Selection {
  return parsed(
    z.strictObject({ template: z.string().optional(), number: z.string().optional(), campaign: z.string().optional() }),
    query,
  )
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
