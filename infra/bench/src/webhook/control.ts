import { startChild } from '../child.ts'
import type { Reading } from '../statistics.ts'
import type { SentCampaign } from '../statuses.ts'

export type GeneratorReading = Reading & {
  /** Answers other than 200. */
  readonly refused: number
  /** Requests not sent yet. */
  readonly left: number
}

export type GeneratorWork = {
  readonly host: string
  readonly port: number
  readonly appSecret: string
  readonly environment: string
  readonly campaigns: readonly SentCampaign[]
  readonly eventsPerBody: number
  readonly seed: number
}

export type Generator = {
  /** Posts as fast as the receiver answers. */
  go(): Promise<void>
  read(): Promise<GeneratorReading>
  stop(): Promise<void>
}

/** A process that plays Meta: every request is made and signed before the first is sent. */
export async function startGenerator(work: GeneratorWork): Promise<Generator> {
  const child = startChild(new URL('generator.ts', import.meta.url))
  await child.ask<unknown>({ prepare: work })
  return {
    go: async () => {
      await child.ask<unknown>('go')
    },
    read: async () => child.ask<GeneratorReading>('read'),
    stop: child.stop,
  }
}
