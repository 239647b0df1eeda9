import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const HOLD = loadScript('hold-lease')
const RELEASE = loadScript('release-lease')

/** Something that one process does for all: held by renewing it, free again when its holder is silent. */
export class Lease {
  readonly #client: RedisClient
  readonly #key: string
  readonly #holder: string
  /** How long it lasts after it was last renewed, ms. */
  readonly ms: number

  constructor(client: RedisClient, key: string, holder: string, ms: number) {
    this.#client = client
    this.#key = key
    this.#holder = holder
    this.ms = ms
  }

  /** Take or renew it; false while another process holds it. */
  async hold(): Promise<boolean> {
    return (await HOLD.run(this.#client, [this.#key], [this.#holder, this.ms])) === 1
  }

  /** Let it go if it is ours, so that another need not wait. */
  async release(): Promise<void> {
    await RELEASE.run(this.#client, [this.#key], [this.#holder])
  }
}
