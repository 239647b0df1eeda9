import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'

import { Failure } from '../failure.ts'
import { formatNumber, formatReport, formatTable } from '../format.ts'
import { isRecord, rejectedRows, text } from '../problem.ts'
import { readReport } from '../report.ts'
import type { Numbers } from '../report.ts'
import { counted, FORMATS, openList, readJson } from '../source.ts'
import type { Format } from '../source.ts'
import { Ticker } from '../ticker.ts'
import type { Action, Context } from './command.ts'
import { watch } from './watch.ts'

const STATUSES = ['draft', 'scheduled', 'running', 'paused', 'completed', 'canceled']
const DISPOSITIONS = ['pending', 'sending', 'accepted', 'unknown', 'rejected', 'expired', 'suppressed', 'canceled']
const DELIVERIES = ['sent', 'delivered', 'read', 'failed', 'undelivered', 'held']

/** Orders that change a campaign's status, and what is said when they are carried out. */
const ORDERS = {
  launch: 'start it, or schedule it if it has a schedule',
  pause: 'hand nothing more over until it is resumed',
  resume: 'go on',
  cancel: 'end it for good; what is not sent yet never is',
} as const

export function campaignCommands(program: Command, action: Action): void {
  const campaign = program.command('campaign').alias('campaigns').description('campaigns, from draft to report')

  campaign
    .command('create')
    .argument('<spec>', 'a JSON file with the campaign, - for standard input')
    .option('--idempotency-key <key>', 'given again within 24 h, the same campaign is answered and no second one made')
    .description('make a draft')
    .action(action(create))

  campaign
    .command('upload')
    .argument('<id>')
    .argument('<file>', 'recipients as .csv, .ndjson or .json, also with .gz; - for standard input')
    .addOption(new Option('--format <format>', 'where the name does not tell').choices([...FORMATS]))
    .option('--gzip', 'where the name does not tell')
    .option('--refuse-unknown-columns', 'refuse columns that no placeholder uses')
    .description('add recipients; the same file again adds nothing')
    .action(action(upload))

  for (const [order, description] of Object.entries(ORDERS))
    campaign
      .command(order)
      .argument('<id>')
      .description(description)
      .action(action(async (context, id: string) => await give(context, id, order)))

  campaign.command('show').argument('<id>').description('the campaign and its report').action(action(show))

  campaign
    .command('list')
    .addOption(new Option('--status <status>').choices(STATUSES))
    .option('--limit <number>', 'at most', wholeNumber, 50)
    .description('campaigns, newest first')
    .action(action(list))

  campaign
    .command('watch')
    .argument('<id>')
    .option('--every <seconds>', 'a line at most this often where there is no terminal', wholeNumber, 5)
    .description('follow a campaign until it has ended')
    .action(action(watch))

  campaign
    .command('export')
    .argument('<id>')
    .option('-o, --output <file>', 'write into a file; without, to standard output')
    .option('--csv', 'CSV in place of NDJSON')
    .addOption(new Option('--disposition <name>', 'these recipients only').choices(DISPOSITIONS))
    .addOption(new Option('--delivery <name>', 'these recipients only').choices(DELIVERIES))
    .description('every recipient and what became of them')
    .action(action(exportRecipients))
}

async function create({ api, output, io }: Context, path: string, options: { idempotencyKey?: string }): Promise<void> {
  const spec = await readJson(path, io)
  const headers = options.idempotencyKey === undefined ? {} : { 'idempotency-key': options.idempotencyKey }
  const answer = await api.call('POST', '/v1/campaigns', { json: spec, headers })
  const { id, name } = readReport(answer)
  output.show(answer, [id])
  output.note(`${name} is a draft now: \`chasqui campaign upload ${id} <file>\` gives it recipients.`)
}

type UploadOptions = { readonly format?: Format; readonly gzip?: true; readonly refuseUnknownColumns?: true }

async function upload({ api, output, io }: Context, id: string, path: string, options: UploadOptions): Promise<void> {
  const source = await openList(path, io, options)
  const ticker = new Ticker(io.stderr)
  const stream = counted(source.stream, (bytes) => ticker.show(sentLine(bytes, source.length)))
  const answer = await api
    .call('POST', `${pathOf(id)}/recipients`, {
      stream,
      headers: source.headers,
      query: { unknownColumns: options.refuseUnknownColumns === true ? 'refuse' : undefined },
    })
    .finally(() => ticker.end())
  output.show(answer, uploadLines(answer))
}

function sentLine(bytes: number, length: number | null): string {
  const megabytes = `${(bytes / 1e6).toFixed(1)} MB sent`
  return length === null || length === 0 ? megabytes : `${megabytes} (${((bytes / length) * 100).toFixed(0)} %)`
}

/** What an upload came to; the same for recipients and for opt-outs. */
export function uploadLines(answer: unknown): string[] {
  if (!isRecord(answer)) return []
  const count = (name: string): string => formatNumber(Number(text(answer[name]) || 0))
  const { reasons, warnings, ignoredColumns } = answer
  return [
    `${count('rows')} rows: ${count('accepted')} new, ${count('duplicates')} known already, ${count('rejected')} refused`,
    ...reasonLines(reasons),
    ...reasonLines(warnings),
    ...rejectedRows(answer['rejections']).map((row) => `  ${row}`),
    ...(Array.isArray(ignoredColumns) && ignoredColumns.length > 0
      ? [`columns that nothing uses: ${ignoredColumns.join(', ')}`]
      : []),
  ]
}

function reasonLines(reasons: unknown): string[] {
  if (!isRecord(reasons)) return []
  return Object.entries(reasons as Numbers).map(([reason, count]) => `  ${reason}: ${formatNumber(count)}`)
}

async function give({ api, output }: Context, id: string, order: string): Promise<void> {
  const answer = await api.call('POST', `${pathOf(id)}/${order}`)
  const report = readReport(answer)
  const inFlight = isRecord(answer) && typeof answer['inFlight'] === 'number' ? answer['inFlight'] : 0
  const wire = inFlight > 0 ? `; ${formatNumber(inFlight)} messages are on the wire still` : ''
  output.show(answer, [`${report.name} is ${report.status}${wire}`])
}

async function show({ api, output }: Context, id: string): Promise<void> {
  const answer = await api.call('GET', pathOf(id))
  output.show(answer, formatReport(readReport(answer)))
}

/** Most campaigns the API gives at a time. */
const PAGE = 200

async function list({ api, output }: Context, options: { status?: string; limit: number }): Promise<void> {
  const found: unknown[] = []
  let cursor: string | undefined
  do {
    const limit = Math.min(PAGE, options.limit - found.length)
    const answer = await api.call('GET', '/v1/campaigns', { query: { status: options.status, cursor, limit } })
    if (!isRecord(answer) || !Array.isArray(answer['campaigns']))
      throw new Failure('unavailable', "the API's answer is no list of campaigns")
    found.push(...(answer['campaigns'] as unknown[]))
    cursor = typeof answer['cursor'] === 'string' ? answer['cursor'] : undefined
  } while (cursor !== undefined && found.length < options.limit)
  const rows = found
    .map(readReport)
    .map((report) => [
      report.id,
      report.status,
      report.counts['recipients'] ?? 0,
      report.sender,
      report.times['createdAt'] ?? '',
      report.name,
    ])
  output.show(
    { campaigns: found, cursor: cursor ?? null },
    formatTable(['id', 'status', 'recipients', 'sender', 'created', 'name'], rows),
  )
  if (cursor !== undefined) output.note(`There are more: --limit ${options.limit * 2}.`)
}

type ExportOptions = {
  readonly output?: string
  readonly csv?: true
  readonly disposition?: string
  readonly delivery?: string
}

async function exportRecipients({ api, io }: Context, id: string, options: ExportOptions): Promise<void> {
  const { disposition, delivery } = options
  const accept = options.csv === true ? 'text/csv' : 'application/x-ndjson'
  const { body } = await api.open('GET', `${pathOf(id)}/recipients`, {
    query: { disposition, delivery },
    headers: { accept },
  })
  if (options.output === undefined) return await pipeline(body, io.stdout, { end: false }).catch(brokeOff)
  // A file that is there is whole.
  const part = `${options.output}.part`
  try {
    await pipeline(body, createWriteStream(part))
    await rename(part, options.output)
  } catch (error) {
    await rm(part, { force: true })
    brokeOff(error)
  }
}

function brokeOff(cause: unknown): never {
  const { code } = cause as { code?: unknown }
  // Whoever read our output has seen enough (`| head`).
  if (code === 'EPIPE') throw cause
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR' || code === 'ENOSPC')
    throw new Failure('usage', `the file cannot be written: ${code}`, { cause })
  throw new Failure('unavailable', 'the export broke off; what was written is not all of it', { cause })
}

function pathOf(id: string): string {
  return `/v1/campaigns/${encodeURIComponent(id)}`
}

export function wholeNumber(value: string): number {
  const number = Number(value)
  if (!/^\d{1,9}$/.test(value) || number < 1) throw new InvalidArgumentError('a whole number from 1 is expected.')
  return number
}
