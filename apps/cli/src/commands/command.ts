import type { Api } from '../api.ts'
import type { Io, Output } from '../output.ts'

/** What every command works with. */
export type Context = { readonly api: Api; readonly output: Output; readonly io: Io }

/** Makes an action of commander's out of a function over a {@link Context}. */
export type Action = <A extends readonly unknown[]>(
  run: (context: Context, ...args: A) => Promise<void>,
) => (...args: A) => Promise<void>
