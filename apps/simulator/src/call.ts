import type { ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { ConfigIssue } from './config.ts'
import type { Controlled } from './simulator.ts'

/** One call of the control API. */
export type Call = {
  readonly simulator: Controlled
  readonly query: Readonly<Record<string, string>>
  readonly body: string
  readonly response: ServerResponse
}

/** The caller's mistake, with a line for each thing that is wrong. */
export class WrongCall extends Error {
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map(({ path, message }) => `${path || 'body'}: ${message}`).join('; '))
    this.name = 'WrongCall'
    this.issues = issues
  }
}

/** What a call says, or a WrongCall that names every mistake. `under`: where in the call the value stood. */
export function parsed<T>(schema: z.ZodType<T>, value: unknown, under = ''): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new WrongCall(
    result.error.issues.map(({ path, message }) => ({
      path: [under, ...path].filter((part) => part !== '').join('.'),
      found: path.length === 0 ? value : undefined,
      message,
    })),
  )
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value)}\n`
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text)
}
