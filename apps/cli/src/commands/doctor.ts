import type { Command } from 'commander'

import { Failure } from '../failure.ts'
import { isRecord, text } from '../problem.ts'
import type { Action, Context } from './command.ts'
import { reasonsOf, sendersIn } from './senders.ts'
import { sendingLines } from './sending.ts'

type Finding = { readonly ok: boolean; readonly what: string }

export function doctorCommand(program: Command, action: Action): void {
  program
    .command('doctor')
    .description('can the API be reached, is the key good, may the senders send')
    .action(action(doctor))
}

/** Looks at one thing after the other; ends as the first of them that failed would. */
async function doctor({ api, output, io }: Context): Promise<void> {
  const findings: Finding[] = []
  const found = (ok: boolean, what: string): void => void findings.push({ ok, what })
  let failure: Failure | null = null
  try {
    const begun = io.now()
    found(true, describeApi(await api.call('GET', '/openapi.json'), api.url, io.now() - begun))
    const senders = sendersIn(await api.call('GET', '/v1/senders'))
    found(true, 'the key is good')
    const sending = await api.call('GET', '/v1/sending')
    found(isRecord(sending) && sending['state'] === 'on', sendingLines(sending).join('; '))
    for (const sender of senders) {
      const reasons = reasonsOf(sender)
      const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`
      found(
        sender['state'] !== 'blocked' && sender['state'] !== 'paused',
        `sender ${text(sender['id'])} is ${text(sender['state'])}${why}`,
      )
    }
    if (senders.length === 0) found(false, 'there is no sender: SENDERS_FILE of the producer names none')
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    failure = error
    found(false, error.message)
  }
  output.show(
    { url: api.url, findings },
    findings.map(({ ok, what }) => `${ok ? 'ok  ' : 'BAD '} ${what}`),
  )
  if (failure !== null) throw failure
}

/** @throws Failure when somebody else answers there. */
function describeApi(answer: unknown, url: string, tookMs: number): string {
  const info = isRecord(answer) && isRecord(answer['info']) ? answer['info'] : {}
  if (info['title'] !== 'Chasqui') throw new Failure('unavailable', `${url} answers, and it is not Chasqui`)
  return `the API answers at ${url} within ${Math.round(tookMs)} ms (version ${text(info['version'])})`
}
