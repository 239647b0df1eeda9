import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { CHUNK_ROWS } from '@chasqui/campaign'

import type { RedisClient } from './redis.ts'

const FOLDER = new URL('./scripts/', import.meta.url)
const INCLUDE = /^--- @include ([a-z-]+)$/gm
/** Texts too long to read, by the word that stands for them in a script. */
const TEXTS: ReadonlyMap<string, string> = new Map([
  // Every row of a chunk as claim-rows.lua writes it when it is claimed for the first time.
  ['@first-attempts@', Array.from({ length: CHUNK_ROWS }, (_, row) => `${String(row).padStart(3, '0')}:1`).join(',')],
])

/**
 * A Lua script that Redis runs as one step. Scripts are files in `scripts/`, `--- @include name` pulls in
 * `scripts/includes/name.lua`. They are sent by digest and loaded when Redis does not know them (a restart, a failover).
 */
export class Script {
  readonly name: string
  readonly source: string
  readonly #digest: string

  constructor(name: string, source: string) {
    this.name = name
    this.source = source
    this.#digest = createHash('sha1').update(source).digest('hex')
  }

  async run(client: RedisClient, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    const words = [...keys, ...args]
    try {
      return await client.evalsha(this.#digest, keys.length, ...words)
    } catch (error) {
      if (!isNoScript(error)) throw error
      return await client.eval(this.source, keys.length, ...words)
    }
  }
}

export type ScriptArgument = string | number | Buffer

/** Read a script and its includes from `scripts/<name>.lua`. Throws when a file is missing: that is a broken build. */
export function loadScript(name: string): Script {
  const own = readFileSync(new URL(`${name}.lua`, FOLDER), 'utf8')
  const whole = own.replace(INCLUDE, (_line, part: string) =>
    readFileSync(new URL(`includes/${part}.lua`, FOLDER), 'utf8'),
  )
  const source = [...TEXTS].reduce((text, [word, meant]) => text.replace(word, meant), whole)
  return new Script(name, source)
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
