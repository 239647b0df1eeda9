import type { Command } from 'commander'

import { Failure } from '../failure.ts'
import { formatNumber, formatTable } from '../format.ts'
import { isRecord, text } from '../problem.ts'
import { formatSender } from '../sender-report.ts'
import type { Action, Context } from './command.ts'

type Record_ = Readonly<Record<string, unknown>>

export function sendersCommand(program: Command, action: Action): void {
  const command = program
    .command('senders')
    .description("each sender's rate, limit, state and why; its replies, clicks and failures in words")
    .action(action(senders))

  command
    .command('pause')
    .argument('<id>')
    .option('-r, --reason <text>', 'why; shown to whoever asks later')
    .description('hand nothing more over through this sender until it is resumed')
    .action(
      action(
        async (context, id: string, { reason }: { reason?: string }) => await give(context, id, 'pause', { reason }),
      ),
    )

  command
    .command('resume')
    .argument('<id>')
    .description('lift the pause')
    .action(action(async (context, id: string) => await give(context, id, 'resume')))
}

async function give({ api, output }: Context, id: string, order: string, body?: object): Promise<void> {
  const path = `/v1/senders/${encodeURIComponent(id)}/${order}`
  const answer = await api.call('POST', path, body === undefined ? {} : { json: body })
  const sender = isRecord(answer) ? answer : {}
  const inFlight = numberOf(sender['inFlight'])
  const wire = inFlight > 0 ? `; ${formatNumber(inFlight)} messages are on the wire still` : ''
  output.show(answer, [`${id} is ${text(sender['state'])}${wire}`, ...reasonsOf(sender).map((reason) => `  ${reason}`)])
}

async function senders({ api, output }: Context): Promise<void> {
  const answer = await api.call('GET', '/v1/senders')
  const found = sendersIn(answer)
  const rows = found.map((sender) => [
    text(sender['id']),
    text(sender['state']),
    numberOf(sender['messagesPerSecond']),
    numberOf(sender['limit']),
    waitingOf(sender),
    reasonsOf(sender).join('; '),
  ])
  const table = formatTable(['sender', 'state', 'configured/s', 'in force/s', 'chunks waiting', 'why'], rows)
  output.show(answer, [...table, ...found.flatMap(formatSender)])
}

/** @throws Failure when the answer is no list of senders. */
export function sendersIn(answer: unknown): Record_[] {
  if (isRecord(answer) && Array.isArray(answer['senders'])) return answer['senders'].filter(isRecord)
  throw new Failure('unavailable', "the API's answer is no list of senders")
}

/** `code_190 (token) until 2026-…` for everything that stops a sender. */
export function reasonsOf(sender: Record_): string[] {
  const why = Array.isArray(sender['why']) ? sender['why'].filter(isRecord) : []
  return why.map((reason) => {
    const until = text(reason['until'])
    const by = text(reason['by'])
    return `${text(reason['reason'])}${by === '' ? '' : ` by ${by}`} (${text(reason['detail'])})${until === '' ? ' until somebody lifts it' : ` until ${until}`}`
  })
}

function waitingOf(sender: Record_): number {
  return isRecord(sender['queue']) ? numberOf(sender['queue']['waiting']) : 0
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : 0
}
