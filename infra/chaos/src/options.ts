import { parseArgs } from 'node:util'

export type Options = {
  /** Names of scenarios; empty: all. */
  readonly only: readonly string[]
  readonly seed: number
  readonly short: boolean
}

export type OptionsResult =
  | { readonly ok: true; readonly options: Options }
  | { readonly ok: false; readonly problem: string }

export const USAGE = 'npm run chaos -- [--full | --short] [--only NAME,NAME] [--seed N]'
const SEED_MAX = 2 ** 32 - 1

export function parseOptions(args: readonly string[], names: readonly string[]): OptionsResult {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        seed: { type: 'string' },
        short: { type: 'boolean', default: false },
        // What happens anyway; for those who want to say it.
        full: { type: 'boolean', default: false },
      },
    })
    if (values.full && values.short) return { ok: false, problem: '--full and --short: one of them' }
    const only = values.only === undefined ? [] : values.only.split(',')
    const stranger = only.find((name) => !names.includes(name))
    if (stranger !== undefined)
      return { ok: false, problem: `--only: found "${stranger}", allowed: ${names.join(', ')}` }
    const seed = Number(values.seed ?? 1)
    if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX)
      return { ok: false, problem: `--seed: found "${values.seed}", allowed: 0 to ${SEED_MAX}` }
    return { ok: true, options: { only, seed, short: values.short } }
  } catch (error) {
    // parseArgs throws on what it does not know; its message names the argument.
    return { ok: false, problem: error instanceof Error ? error.message : String(error) }
  }
}
