import { readFileSync } from 'node:fs'

import { Failure } from './failure.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the API is and who asks. */
export type Settings = { readonly url: URL; readonly key: string | null }

const DEFAULT_URL = 'http://127.0.0.1:3000'

/** @throws Failure (usage) that names the variable, what was found and what is allowed. */
export function readSettings(env: Environment): Settings {
  return { url: readUrl(env['CHASQUI_URL'] || DEFAULT_URL), key: readKey(env) }
}

function readUrl(value: string): URL {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new Failure(
      'usage',
      `CHASQUI_URL: found ${JSON.stringify(value)}, allowed: https://… or http://… of the producer`,
    )
  }
  return url
}

/** A key given on the command line would be seen in the list of processes, so there is no option for it. */
function readKey(env: Environment): string | null {
  const file = env['CHASQUI_API_KEY_FILE']
  const key = file ? readSecret(file) : env['CHASQUI_API_KEY']
  if (!key) return null
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new Failure('usage', 'CHASQUI_API_KEY: found something else than visible ASCII characters (not shown)')
  return key
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd()
  } catch (cause) {
    throw new Failure('usage', `CHASQUI_API_KEY_FILE: ${JSON.stringify(path)} cannot be read`, { cause })
  }
}
