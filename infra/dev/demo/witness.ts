/** The simulator's ledger in numbers, counted in its own process; `GET /_simulator/summary`, as far as the demo reads it. */
export interface Witness {
  readonly requests: {
    readonly received: number
    readonly processed: number
    readonly byOutcome: Readonly<Record<string, number>>
    readonly byCode: Readonly<Record<string, number>>
  }
  readonly recipients: {
    readonly seen: number
    readonly doubled: number
    readonly implied: { readonly accepted: number; readonly unknown: number; readonly rejected: number }
    readonly rejectedByCode: Readonly<Record<string, number>>
  }
  readonly told: Readonly<Record<string, number>>
  readonly failedByCode: { readonly told: Readonly<Record<string, number>> }
  readonly rate: Readonly<Record<string, { readonly perSecondMean: number; readonly perSecondMax: number }>>
  readonly webhooks: Readonly<Record<string, number>>
  /** How late the simulator's own event loop was at most, ms: what it sees is bunched by as much. */
  readonly witness: { readonly loopDelayMaxMs: number }
}

/** What the ledger holds of one campaign. */
export async function readWitness(simulator: string, campaign: string): Promise<Witness> {
  const response = await fetch(`${simulator}/_simulator/summary?campaign=${encodeURIComponent(campaign)}`)
  if (!response.ok) throw new Error(`the simulator's ledger answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Witness
}

/** Resolves when every webhook the simulator had to post was taken. */
export async function webhooksPosted(simulator: string, timeoutMs: number): Promise<void> {
  const response = await fetch(`${simulator}/_simulator/idle?timeoutMs=${timeoutMs}`)
  if (!response.ok)
    throw new Error(`the simulator still has webhooks to post after ${timeoutMs} ms: ${await response.text()}`)
}
