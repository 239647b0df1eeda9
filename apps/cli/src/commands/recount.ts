import type { Command } from 'commander'

import { Failure } from '../failure.ts'
import { formatTable } from '../format.ts'
import { isRecord, text } from '../problem.ts'
import type { Action, Context } from './command.ts'

export function recountCommand(program: Command, action: Action): void {
  program
    .command('recount')
    .argument('<id>', 'a campaign')
    .description('count a campaign again from its ledger, also while it runs; ends with 5 when a number is wrong')
    .action(action(recount))
}

async function recount({ api, output }: Context, id: string): Promise<void> {
  const answer = await api.call('POST', `/v1/campaigns/${encodeURIComponent(id)}/recount`)
  if (!isRecord(answer) || !Array.isArray(answer['differences']))
    throw new Failure('unavailable', "the API's answer is no recount")
  const differences = answer['differences'].filter(isRecord)
  if (differences.length === 0) return output.show(answer, [`${id}: every number is what the ledger says`])
  const rows = differences.map((difference) => [
    text(difference['field']),
    Number(difference['counted']),
    Number(difference['inLedger']),
  ])
  output.show(answer, formatTable(['counter', 'says', 'in the ledger'], rows))
  throw new Failure('no', `${differences.length} numbers of ${id} are not what its ledger says`)
}
