import { Option } from 'commander'
import type { Command } from 'commander'

import { Failure } from '../failure.ts'
import { isRecord } from '../problem.ts'
import { FORMATS, openList } from '../source.ts'
import type { Format } from '../source.ts'
import { uploadLines } from './campaign.ts'
import type { Action, Context } from './command.ts'

export function suppressCommands(program: Command, action: Action): void {
  const suppress = program.command('suppress').description('people who do not want to be written to')

  suppress
    .command('add')
    .argument('[numbers...]', 'with country code, as +55 11 91234-5678')
    .option('-f, --file <file>', 'any number of them, as .csv (column to), .ndjson or .json; - for standard input')
    .addOption(new Option('--format <format>', 'where the name does not tell').choices([...FORMATS]))
    .option('--gzip', 'where the name does not tell')
    .description('write to nobody of them again, whatever is queued')
    .action(action(add))

  suppress
    .command('check')
    .argument('<number>')
    .description('whether somebody is suppressed; ends with 5 when not')
    .action(action(check))

  suppress.command('remove').argument('<number>').description('take it back').action(action(remove))
}

type AddOptions = { readonly file?: string; readonly format?: Format; readonly gzip?: true }

async function add({ api, output, io }: Context, numbers: readonly string[], options: AddOptions): Promise<void> {
  if (numbers.length > 0 === (options.file !== undefined))
    throw new Failure('usage', 'give numbers, or a list of them with --file')
  const source = options.file === undefined ? null : await openList(options.file, io, options)
  const body = source === null ? { json: numbers } : { stream: source.stream, headers: source.headers }
  const answer = await api.call('POST', '/v1/suppressions', body)
  output.show(answer, uploadLines(answer))
  const refused = isRecord(answer) && typeof answer['rejected'] === 'number' ? answer['rejected'] : 0
  // In a long list some rows may be beyond help; a number that was typed in must not be lost sight of.
  if (source === null && refused > 0)
    throw new Failure('refused', `${refused} of ${numbers.length} numbers were not understood`)
}

async function check({ api, output }: Context, number: string): Promise<void> {
  try {
    const answer = await api.call('GET', pathOf(number))
    output.show(answer, [`${number} is suppressed`])
  } catch (error) {
    if (!(error instanceof Failure) || !isRecord(error.problem) || error.problem['code'] !== 'not_suppressed')
      throw error
    throw new Failure('no', `${number} is not suppressed`, { problem: error.problem })
  }
}

async function remove({ api, output }: Context, number: string): Promise<void> {
  await api.call('DELETE', pathOf(number))
  output.show({ phone: number, suppressed: false }, [`${number} is not suppressed any more`])
}

function pathOf(number: string): string {
  return `/v1/suppressions/${encodeURIComponent(number)}`
}
