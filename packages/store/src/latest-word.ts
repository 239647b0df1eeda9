import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const JUDGE = loadScript('judge-word')

/** Whether something may go on. */
export type Word = 'stop' | 'resume'

/**
 * Act on a word about a subject, unless a later one is known: the last by its own time holds, and of two at the same time the
 * `stop`. Hearing it again acts again, so a crash between hearing and acting loses nothing when the caller hears again.
 *
 * The word and what it acts upon lie in different places, so two processes may hear two words at once and act in the wrong
 * order. Therefore each looks again after it has acted: whoever acts last acts on the latest word.
 *
 * @param key hash: subject -> `time:word`. @param at when it was said, ms.
 * @returns whether it was acted upon.
 */
export async function hearWord(
  client: RedisClient,
  key: string,
  heard: { readonly subject: string; readonly word: Word; readonly at: number },
  act: (word: Word) => Promise<void>,
): Promise<boolean> {
  if ((await JUDGE.run(client, [key], [heard.subject, Math.floor(heard.at), heard.word])) !== 1) return false
  for (let acted: Word | null = null, word: Word | null = heard.word; word !== acted && word !== null;) {
    acted = word
    await act(acted)
    const known = (await client.hget(key, heard.subject))?.split(':')[1]
    word = known === 'stop' || known === 'resume' ? known : null
  }
  return true
}

/**
 * An operator's word, which holds over everything said until now, also over what was said by a clock ahead of ours: what is
 * heard of that again is older.
 *
 * @param now ms by Redis.
 */
export async function overruleWord(
  client: RedisClient,
  key: string,
  said: { readonly subject: string; readonly word: Word; readonly now: number },
  act: (word: Word) => Promise<void>,
): Promise<void> {
  for (let heard = false; !heard;) {
    const known = Number.parseInt((await client.hget(key, said.subject)) ?? '-1', 10)
    const at = Math.max(said.now, known + 1)
    heard = await hearWord(client, key, { subject: said.subject, word: said.word, at }, act)
  }
}
