import type { SimulatorConfig } from './config.ts'
import { Courier } from './courier.ts'
import { Endpoint } from './endpoint.ts'
import { Ledger } from './ledger.ts'

/** One life of the simulator, from one reset to the next. Nothing of it outlives a reset but the configuration. */
export type World = {
  /** Part of every message id, so that no two worlds share one. */
  readonly run: number
  readonly ledger: Ledger
  readonly endpoint: Endpoint
  readonly courier: Courier
}

export type WorldOptions = {
  readonly config: () => SimulatorConfig
  readonly run: number
  readonly secret: string
  readonly ledgerMax: number
  readonly now: () => number
  readonly random: () => number
}

export function createWorld({ config, run, secret, ledgerMax, now, random }: WorldOptions): World {
  const ledger = new Ledger(ledgerMax)
  return {
    run,
    ledger,
    endpoint: new Endpoint(config, ledger),
    courier: new Courier({ config, ledger, run, secret, now, random }),
  }
}
