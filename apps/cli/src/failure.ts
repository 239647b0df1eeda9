/** How a command ends; README.md has the same table. */
export const EXIT = {
  done: 0,
  /** The API understood and refused; its problem says why. */
  refused: 1,
  /** Wrong arguments, an unreadable file, a wrong environment. */
  usage: 2,
  /** The API cannot be reached, broke off, or failed. */
  unavailable: 3,
  unauthorized: 4,
  /** All went well and the answer is no: not suppressed, the campaign that was watched was canceled, nothing is sent, numbers differ. */
  no: 5,
} as const

export type ExitName = keyof typeof EXIT

/** What a command ends with when it does not end well: for people on stderr, for programs by its exit code. */
export class Failure extends Error {
  readonly exit: Exclude<ExitName, 'done'>
  /** More lines for people. */
  readonly details: readonly string[]
  /** The API's problem document, if it gave one. */
  readonly problem: unknown

  constructor(
    exit: Exclude<ExitName, 'done'>,
    message: string,
    more: { readonly details?: readonly string[]; readonly problem?: unknown; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause })
    this.exit = exit
    this.details = more.details ?? []
    this.problem = more.problem ?? null
  }
}
