import { parseArgs } from 'node:util'

import { common, integer, readEnvironment } from '@chasqui/runtime'
import type { Environment } from '@chasqui/runtime'
import { closeRedis, connectRedis, DeadLetters, Keys } from '@chasqui/store'

import { listLetters, replayLetters } from './letters.ts'
import type { ListOptions } from './letters.ts'
import type { Out } from './out.ts'
import { tellVerification } from './tell.ts'
import { verifyCampaign } from './verify.ts'

type Command =
  | { readonly kind: 'verify'; readonly campaign: string; readonly json: boolean }
  | { readonly kind: 'replay'; readonly reason: string | null }
  | ({ readonly kind: 'list' } & ListOptions)

export const USAGE = `usage: npm run status-worker                       take webhooks in
       npm run status-worker -- replay --verify <campaign> [--json]
                                                    tell its numbers again from the log, and compare
       npm run status-worker -- replay [--reason <reason>]
                                                    give dead letters to the log again
       npm run status-worker -- dead-letters [--reason <reason>] [--limit 100] [--bodies]
                                                    list them; --bodies shows personal data`

/** sysexits.h: the command was used in a wrong way. */
const EX_USAGE = 64
const LIST_DEFAULT = 100

/** What the commands need of the environment: less than the service does. */
const VARIABLES = {
  REDIS_URL: common.REDIS_URL,
  REDIS_PREFIX: common.REDIS_PREFIX,
  WEBHOOK_DEAD_LETTERS_MB: integer({ min: 1, max: 65_536, default: 64, what: 'MB of Redis for dead letters' }),
}

/**
 * Run one of the commands beside the service, in a process of its own: what is read is gigabytes of personal data, which belong
 * neither into the producer's event loop nor over its API.
 *
 * @returns the exit code: 0; 1 when numbers differ; 2 when the log cannot tell.
 * @throws EnvironmentError
 */
export async function runCommand(args: readonly string[], env: Environment, out: Out): Promise<number> {
  const command = readCommand(args)
  if (typeof command === 'string') {
    out.note(`${command}\n${USAGE}`)
    return EX_USAGE
  }
  const values = readEnvironment(VARIABLES, env)
  const keys = new Keys(values.REDIS_PREFIX)
  const client = connectRedis(values.REDIS_URL, 'api', () => {})
  const letters = new DeadLetters(client, keys, values.WEBHOOK_DEAD_LETTERS_MB * 1_048_576)
  try {
    switch (command.kind) {
      case 'list':
        await listLetters(letters, command, out)
        return 0
      case 'replay':
        await replayLetters(letters, command.reason, out)
        return 0
      case 'verify': {
        const verification = await verifyCampaign(client, keys, command.campaign, ({ bodies, statuses }) =>
          out.progress(`${bodies} bodies read, ${statuses} statuses of the campaign`),
        )
        return tellVerification(command.campaign, verification, command.json, out)
      }
    }
  } finally {
    await closeRedis(client)
  }
}

/** The command these words ask for, or what is wrong with them. */
export function readCommand(args: readonly string[]): Command | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        verify: { type: 'string' },
        reason: { type: 'string' },
        limit: { type: 'string' },
        bodies: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    const [name, ...more] = positionals
    if (more.length > 0) return `found "${more.join(' ')}" behind ${name ?? ''}, allowed: options only`
    const { verify, reason = null, bodies, json } = values
    const limit = Number(values.limit ?? LIST_DEFAULT)
    if (!Number.isInteger(limit) || limit < 0) return `--limit: found "${values.limit ?? ''}", allowed: 0 or more`
    if (name === 'dead-letters') return { kind: 'list', reason, limit, bodies }
    if (name !== 'replay') return `found "${name ?? ''}", allowed: replay, dead-letters`
    if (verify === undefined) return { kind: 'replay', reason }
    if (!/^[a-z0-9-]{1,64}$/.test(verify)) return `--verify: found "${verify}", allowed: a campaign's id`
    return { kind: 'verify', campaign: verify, json }
  } catch (error) {
    // parseArgs throws on what it does not know; its message names the option.
    return error instanceof Error ? error.message : String(error)
  }
}
