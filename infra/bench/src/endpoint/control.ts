import { type Child, startChild } from '../child.ts'
import type { Reading } from '../statistics.ts'

/** What the endpoint has seen so far. */
export type EndpointReading = Reading & {
  readonly receivedBytes: number
  /** CPU time the endpoint's process has used, to show that it is not what limits the sender. */
  readonly cpuMs: number
}

export type Endpoint = {
  readonly url: string
  read(): Promise<EndpointReading>
  stop(): Promise<void>
}

export async function startEndpoint(latencyMs = 0): Promise<Endpoint> {
  const child: Child = startChild(new URL('main.ts', import.meta.url), [String(latencyMs)])
  const { port } = await child.hear<{ port: number }>()
  return {
    url: `http://127.0.0.1:${port}`,
    read: async () => child.ask<EndpointReading>('read'),
    stop: child.stop,
  }
}
