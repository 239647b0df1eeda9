import type { Stack } from './stack.ts'
import { SENDER } from './stack.ts'

/** `GET /v1/campaigns/{id}`, as far as the demo reads it. */
export interface CampaignReport {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly reason: string | null
  readonly launchedAt: string | null
  readonly endedAt: string | null
  readonly counts: Readonly<Record<string, number>>
  readonly delivery: Readonly<Record<string, number>>
  readonly errors: Readonly<Record<string, number>>
  readonly route: Readonly<Record<string, number>>
  readonly forecast: { readonly finishAt: string | null; readonly limitedBy: string | null }
}

/** The answer to an upload. */
export interface Upload {
  readonly rows: number
  readonly accepted: number
  readonly duplicates: number
  readonly rejected: number
  readonly reasons: Readonly<Record<string, number>>
  readonly warnings: Readonly<Record<string, number>>
  readonly ignoredColumns: readonly string[]
  readonly rejections: readonly { readonly line: number; readonly message: string }[]
}

const CAMPAIGN = {
  name: 'black-friday-demo',
  sender: SENDER,
  template: {
    name: 'black_friday_2026',
    language: 'pt_BR',
    components: [
      {
        type: 'body',
        parameters: [
          { type: 'text', text: '{{first_name}}' },
          { type: 'text', text: '{{coupon}}' },
        ],
      },
    ],
  },
  templateTtlSeconds: 86_400,
}

/** The demo as a client of the producer's API. */
export class DemoCampaign {
  readonly #stack: Stack
  readonly id: string

  private constructor(stack: Stack, id: string) {
    this.#stack = stack
    this.id = id
  }

  static async create(stack: Stack): Promise<DemoCampaign> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'demo' }
    const { id } = (await call(stack, '/v1/campaigns', {
      method: 'POST',
      headers,
      body: JSON.stringify(CAMPAIGN),
    })) as { id: string }
    return new DemoCampaign(stack, id)
  }

  /** Streams a CSV in; its length is known to nobody beforehand. */
  async upload(pieces: Iterable<string>): Promise<Upload> {
    const headers = { 'content-type': 'text/csv; charset=utf-8' }
    const body = ReadableStream.from(encoded(pieces))
    return (await call(this.#stack, `/v1/campaigns/${this.id}/recipients`, {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    })) as Upload
  }

  async launch(): Promise<void> {
    await call(this.#stack, `/v1/campaigns/${this.id}/launch`, { method: 'POST' })
  }

  async report(): Promise<CampaignReport> {
    return (await call(this.#stack, `/v1/campaigns/${this.id}`, {})) as CampaignReport
  }
}

type Call = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> }

function* encoded(pieces: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder()
  for (const piece of pieces) yield encoder.encode(piece)
}

async function call(stack: Stack, path: string, init: Call): Promise<unknown> {
  const response = await fetch(`${stack.api}${path}`, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${stack.apiKey}` },
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${path} answered ${response.status}: ${text}`)
  return text === '' ? null : (JSON.parse(text) as unknown)
}
