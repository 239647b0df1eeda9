import { failureLines, formatNumber } from './format.ts'
import type { Failed } from './format.ts'
import { isRecord, text } from './problem.ts'
import { numbers } from './report.ts'
import type { Numbers } from './report.ts'

/** What comes back on a sender's number, below the table of all: replies, clicks, and failures in words. Empty: nothing has. */
export function formatSender(sender: Readonly<Record<string, unknown>>): string[] {
  const id = text(sender['id'])
  const [replies, clicks] = [countsLine(numbers(sender['replies'])), countsLine(numbers(sender['clicks']))]
  const failures = Array.isArray(sender['failures']) ? sender['failures'].filter(isRecord) : []
  const limit = isRecord(sender['messagingLimit']) ? text(sender['messagingLimit']['limit']) : ''
  return [
    ...(limit === '' ? [] : ['', `${id}: Meta's limit of people a day is ${limit}`]),
    ...(replies === '' ? [] : ['', `${id}: replies  ${replies}`]),
    ...(clicks === '' ? [] : ['', `${id}: clicks  ${clicks}  (Meta does not tell of which campaign)`]),
    ...failureLines(`${id}: refused by the endpoint, last 7 days`, failedIn(failures, 'refused')),
    ...failureLines(`${id}: failed by webhook, last 7 days`, failedIn(failures, 'failed')),
  ]
}

const WORDS: Readonly<Record<string, string>> = { landingPages: 'landing pages' }

function countsLine(counts: Numbers): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatNumber(count)} ${WORDS[name] ?? name}`)
    .join(', ')
}

function failedIn(failures: readonly Readonly<Record<string, unknown>>[], how: 'refused' | 'failed'): Failed[] {
  return failures.map((failure) => ({
    code: typeof failure['code'] === 'number' ? failure['code'] : null,
    count: numbers(failure)[how] ?? 0,
  }))
}
