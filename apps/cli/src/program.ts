import { Command, CommanderError } from 'commander'

import { Api } from './api.ts'
import { campaignCommands } from './commands/campaign.ts'
import type { Action } from './commands/command.ts'
import { doctorCommand } from './commands/doctor.ts'
import { recountCommand } from './commands/recount.ts'
import { sendersCommand } from './commands/senders.ts'
import { sendingCommands } from './commands/sending.ts'
import { suppressCommands } from './commands/suppress.ts'
import { EXIT, Failure } from './failure.ts'
import { Output } from './output.ts'
import type { Io } from './output.ts'
import { readSettings } from './settings.ts'

const ENVIRONMENT = `
Environment:
  CHASQUI_URL           the producer (http://127.0.0.1:3000)
  CHASQUI_API_KEY       a key of its API_KEYS; CHASQUI_API_KEY_FILE names a file with it

Exit codes:
  0 done   1 refused by the API   2 wrong use   3 the API is away or failed   4 no or a wrong key
  5 the answer is no (not suppressed; the campaign that was watched was canceled; nothing is sent; numbers differ)`

/** Runs one command line and answers its exit code. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = build(io)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    if (!(error instanceof Failure)) throw error
    io.stderr.write(`${describe(error, isJson(program)).join('\n')}\n`)
    return EXIT[error.exit]
  }
}

function build(io: Io): Command {
  const program = new Command('chasqui')
    .description('Marketing campaigns over WhatsApp, for people. A client of the producer.')
    .option('--json', 'answers as JSON, for programs')
    .addHelpText('after', ENVIRONMENT)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError('(add --help for what there is)')
  const action: Action =
    (command) =>
    async (...args) => {
      const api = new Api(readSettings(io.env))
      try {
        await command({ api, io, output: new Output(io, isJson(program)) }, ...args)
      } finally {
        await api.close()
      }
    }
  campaignCommands(program, action)
  suppressCommands(program, action)
  sendersCommand(program, action)
  sendingCommands(program, action)
  recountCommand(program, action)
  doctorCommand(program, action)
  return program
}

function isJson(program: Command): boolean {
  return program.opts<{ json?: true }>().json === true
}

function describe(failure: Failure, json: boolean): string[] {
  const { message, details, exit, problem } = failure
  if (json) return [JSON.stringify({ error: { exit, message, details, problem } })]
  return [`chasqui: ${message}`, ...details.map((line) => `  ${line}`)]
}
