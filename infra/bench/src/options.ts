import { parseArgs } from 'node:util'

/** The parts that are run when none is asked for. */
const FIGURES = ['send', 'intake', 'queue', 'fold', 'webhook'] as const
/** What is shown once, not measured in rounds: run when asked for. */
export const SHOWS = ['storm', 'while-sending', 'fuzz', 'report', 'campaigns', 'memory'] as const
/** The parts of the bench that can be run alone. */
export const PARTS = [...FIGURES, ...SHOWS] as const
export type Part = (typeof PARTS)[number]

export type Options = {
  readonly parts: readonly Part[]
  /** How often each contender runs; they take turns. */
  readonly rounds: number
  /** Shorter windows and fewer recipients: to see that the bench works, not to quote. */
  readonly quick: boolean
  /** Write a CPU profile of each measured process and print where its time went. Profiled figures are slower. */
  readonly profile: boolean
}

export type OptionsResult =
  | { readonly ok: true; readonly options: Options }
  | { readonly ok: false; readonly problem: string }

export const USAGE = `npm run bench -- [--only ${PARTS.join(',')}] (without: ${FIGURES.join(',')}) [--rounds 3] [--quick] [--profile]`

export function parseOptions(args: readonly string[]): OptionsResult {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
      },
    })
    const parts = values.only === undefined ? [...FIGURES] : values.only.split(',')
    const stranger = parts.find((part) => !isPart(part))
    if (stranger !== undefined)
      return { ok: false, problem: `--only: found "${stranger}", allowed: ${PARTS.join(', ')}` }
    const rounds = Number(values.rounds ?? (values.quick || values.profile ? 1 : 3))
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 99) {
      return { ok: false, problem: `--rounds: found "${values.rounds}", allowed: 1 to 99` }
    }
    return { ok: true, options: { parts: parts.filter(isPart), rounds, quick: values.quick, profile: values.profile } }
  } catch (error) {
    // parseArgs throws on what it does not know; its message names the argument.
    return { ok: false, problem: error instanceof Error ? error.message : String(error) }
  }
}

function isPart(text: string): text is Part {
  return (PARTS as readonly string[]).includes(text)
}
