import type { Command } from 'commander'

import { Failure } from '../failure.ts'
import { formatNumber } from '../format.ts'
import { isRecord, text } from '../problem.ts'
import type { Action, Context } from './command.ts'

const REASON = ['-r, --reason <text>', 'why; shown to whoever asks later'] as const

/** What holds for all senders at once: the kill switch and the quarantine. */
export function sendingCommands(program: Command, action: Action): void {
  program
    .command('sending')
    .description('whether anything is sent at all; ends with 5 when not')
    .action(action(showSending))

  program
    .command('stop-everything')
    .option(...REASON)
    .description('the kill switch: nothing is sent by any sender from seconds later on')
    .action(action(async (context, { reason }: { reason?: string }) => await order(context, 'stop', { reason })))

  program
    .command('start-again')
    .description('lift the kill switch')
    .action(action(async (context) => await order(context, 'start')))

  program
    .command('release')
    .option(...REASON)
    .description('trust the ledger again after Redis was seen to have gone backwards; read the runbook first')
    .action(action(async (context, { reason }: { reason?: string }) => await order(context, 'release', { reason })))
}

async function showSending({ api, output }: Context): Promise<void> {
  const answer = await api.call('GET', '/v1/sending')
  const lines = sendingLines(answer)
  output.show(answer, lines)
  if (isRecord(answer) && answer['state'] !== 'on') throw new Failure('no', lines[0] ?? 'nothing is sent')
}

async function order({ api, output }: Context, what: string, body?: object): Promise<void> {
  const answer = await api.call('POST', `/v1/sending/${what}`, body === undefined ? {} : { json: body })
  const inFlight = isRecord(answer) && typeof answer['inFlight'] === 'number' ? answer['inFlight'] : 0
  const wire = inFlight > 0 ? [`${formatNumber(inFlight)} messages were on the wire or about to be`] : []
  output.show(answer, [...sendingLines(answer), ...wire])
}

/** One line for each thing that keeps everything from being sent; what holds comes first. */
export function sendingLines(answer: unknown): string[] {
  if (!isRecord(answer)) return []
  const { stopped, quarantine, lastRelease } = answer
  const standing = [
    ...(isRecord(quarantine) ? [`quarantined ${orderOf(quarantine)}`] : []),
    ...(isRecord(stopped) ? [`stopped ${orderOf(stopped)}`] : []),
  ]
  const released = isRecord(lastRelease)
    ? [
        `last quarantine released by ${text(lastRelease['by'])} at ${text(lastRelease['at'])}: ${text(lastRelease['reason'])}`,
      ]
    : []
  return [...(standing.length === 0 ? ['sending is on'] : standing), ...released]
}

function orderOf(standing: Readonly<Record<string, unknown>>): string {
  const [by, since] = [text(standing['by']), text(standing['since'])]
  return `${by === '' ? 'by nobody knows whom' : `by ${by}`}${since === '' ? '' : ` since ${since}`}: ${text(standing['reason'])}`
}
