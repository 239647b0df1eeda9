import type { DeadLetters, KeptLetter } from '@chasqui/store'

import { outlineOf, timeOf } from './outline.ts'
import type { Out } from './out.ts'

export type ListOptions = {
  readonly reason: string | null
  readonly limit: number
  /** Print the bodies as they came: phone numbers, message ids and texts. */
  readonly bodies: boolean
}

/** Print dead letters, oldest first, a line each; then how many there are of each reason. */
export async function listLetters(
  letters: DeadLetters,
  { reason, limit, bodies }: ListOptions,
  out: Out,
): Promise<void> {
  const byReason = new Map<string, number>()
  let shown = 0
  for await (const letter of letters.list()) {
    byReason.set(letter.reason, (byReason.get(letter.reason) ?? 0) + 1)
    if ((reason !== null && letter.reason !== reason) || shown >= limit) continue
    shown += 1
    out.line(bodies ? wholeLine(letter) : outlineLine(letter))
  }
  const total = [...byReason.values()].reduce((sum, count) => sum + count, 0)
  const reasons = [...byReason].map(([name, count]) => `${name} ${count}`).join(', ')
  out.note(total === 0 ? 'No dead letters.' : `${shown} of ${total} shown. By reason: ${reasons}.`)
}

function outlineLine({ id, reason, at, body }: KeptLetter): string {
  return `${id}  ${timeOf(at)}  ${reason}  ${body.length} bytes  ${outlineOf(body)}`
}

function wholeLine({ id, reason, at, body }: KeptLetter): string {
  return JSON.stringify({ id, reason, at, body: body.toString('utf8') })
}

/** Give dead letters to the log again and tell how many. */
export async function replayLetters(letters: DeadLetters, reason: string | null, out: Out): Promise<void> {
  const { moved, passed } = await letters.replay(reason, ({ moved: so }) =>
    out.progress(`${so} letters are in the log again`),
  )
  const left = passed > 0 ? `, ${passed} of other reasons stay` : ''
  out.line(
    `${moved} dead letters are in the log again${left}. Status-workers fold them now; what fails again comes back with its new reason.`,
  )
}
