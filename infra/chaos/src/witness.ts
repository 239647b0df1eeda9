/** A request as the simulator's ledger has it. */
export type Post = {
  /** Arrival, ms since 1970 by this machine's clock, with a fraction. */
  readonly at: number
  readonly to: string | null
  readonly callbackData: string
  readonly outcome: string
  readonly code: number | null
  /** The message was taken, whether the sender was told or not. */
  readonly processed: boolean
  /** What webhooks that were answered 200, or answers, have told of it. */
  readonly told: readonly string[]
}

export type WitnessSummary = {
  readonly requests: { readonly received: number; readonly processed: number }
  readonly recipients: { readonly seen: number; readonly doubled: number; readonly surplus: number }
  readonly told: Readonly<Record<string, number>>
  readonly rate: Readonly<Record<string, { readonly perSecondMax: number; readonly throttled: number }>>
  readonly webhooks: Readonly<Record<string, number>>
  readonly witness: { readonly loopDelayMaxMs: number }
}

/** The simulator as the witness: nobody kills it, and it believes only what arrived. */
export class Witness {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async configure(patch: object): Promise<void> {
    await this.#call('POST', '/config', patch)
  }

  async summary(campaign?: string): Promise<WitnessSummary> {
    const query = campaign === undefined ? '' : `?campaign=${encodeURIComponent(campaign)}`
    return JSON.parse(await this.#call('GET', `/summary${query}`)) as WitnessSummary
  }

  /** Every request of a campaign, in order of arrival. */
  async posts(campaign: string): Promise<Post[]> {
    const text = await this.#call('GET', `/ledger?campaign=${encodeURIComponent(campaign)}`)
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Post)
  }

  /** Resolves when every webhook has been taken. */
  async webhooksTaken(timeoutMs: number): Promise<void> {
    await this.#call('GET', `/idle?timeoutMs=${timeoutMs}`)
  }

  async #call(method: 'GET' | 'POST', path: string, body?: object): Promise<string> {
    const response = await fetch(`${this.url}/_simulator${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`the simulator answered ${response.status} to ${method} ${path}: ${text}`)
    return text
  }
}
