import type { Keys } from './keys.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'
import { PAUSED } from './senders.ts'
import type { SenderBlock } from './senders.ts'

const PAUSE = loadScript('pause-sender')
const RESUME = loadScript('resume-sender')
const BAR = loadScript('bar-campaign')
const UNBAR = loadScript('unbar-campaign')

/** An operator's pause of a sender, as it lies among the sender's blocks. */
export type SenderPause = SenderBlock & { readonly token: string }

/**
 * Pauses senders. A pause is a block, so no slots are handed out; but slots that are on their way could still be claimed
 * with. Therefore every campaign of the sender that may run is barred too, before the pause is answered, and its claims
 * ask for that in the script that makes them. Who lets a campaign run lists it as alive first and then calls `cover`, so
 * that none is missed.
 */
export class SenderPauses {
  readonly #client: RedisClient
  readonly #keys: Keys

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
  }

  /**
   * From the answer on nothing of the sender is claimed by anybody.
   *
   * @returns the pause in force, which may be an earlier one, and how many messages are claimed and not answered yet.
   */
  async pause(
    sender: string,
    why: string,
    who: string,
  ): Promise<{ readonly pause: SenderPause; readonly inFlight: number }> {
    const text = (await PAUSE.run(this.#client, [this.#keys.blocks(sender)], [why, who])) as string
    const pause = JSON.parse(text) as SenderPause
    const campaigns = await this.#campaignsOf(sender)
    const claimed = await Promise.all(campaigns.map(async ({ id }) => await this.#bar(id, pause.token)))
    // Lifted by somebody while we barred: what they could not see yet is let go by us.
    if ((await this.#inForce(sender))?.token !== pause.token) await this.letGo(sender)
    return { pause, inFlight: claimed.reduce((sum, sending) => sum + Math.max(0, sending), 0) }
  }

  /**
   * Lift the pause of a sender.
   *
   * @returns whether there was one, and the campaigns that may be claimed again: their visits are to be asked for.
   */
  async resume(sender: string): Promise<{ readonly resumed: boolean; readonly freed: readonly string[] }> {
    const held = await this.#client.hget(this.#keys.blocks(sender), PAUSED)
    const resumed = held !== null && (await RESUME.run(this.#client, [this.#keys.blocks(sender)], [held])) === 1
    return { resumed, freed: await this.letGo(sender) }
  }

  /** A campaign is about to run: bar it if its sender is paused. It must be listed as alive by now. */
  async cover(campaign: string, sender: string): Promise<void> {
    const pause = await this.#inForce(sender)
    if (pause === null) return
    await this.#bar(campaign, pause.token)
    const now = await this.#inForce(sender)
    if (now?.token !== pause.token) await this.#unbar(campaign, pause.token, now)
  }

  /**
   * Free the campaigns of a sender that are barred by a pause which is over: also what a crash in the middle of a pause or
   * a resumption has left.
   */
  async letGo(sender: string): Promise<string[]> {
    const barred = (await this.#campaignsOf(sender)).filter(({ barredBy }) => barredBy !== '')
    if (barred.length === 0) return []
    // Read after the bars: a bar is only ever older than what is in force then, or in force.
    const pause = await this.#inForce(sender)
    const over = barred.filter(({ barredBy }) => barredBy !== pause?.token)
    const freed = await Promise.all(over.map(async ({ id, barredBy }) => await this.#unbar(id, barredBy, pause)))
    return over.filter((_, index) => freed[index] === true).map(({ id }) => id)
  }

  async #inForce(sender: string): Promise<SenderPause | null> {
    const held = await this.#client.hget(this.#keys.blocks(sender), PAUSED)
    return held === null ? null : (JSON.parse(held) as SenderPause)
  }

  async #bar(campaign: string, token: string): Promise<number> {
    return (await BAR.run(
      this.#client,
      [this.#keys.campaign(campaign), this.#keys.counts(campaign)],
      [token],
    )) as number
  }

  async #unbar(campaign: string, over: string, inForce: SenderPause | null): Promise<boolean> {
    return (await UNBAR.run(this.#client, [this.#keys.campaign(campaign)], [over, inForce?.token ?? ''])) === 1
  }

  /** The sender's campaigns that have not ended, and by which pause each is barred (`''`: none). */
  async #campaignsOf(sender: string): Promise<{ readonly id: string; readonly barredBy: string }[]> {
    const ids = await this.#client.zrangebyscore(this.#keys.alive(), '+inf', '+inf')
    const read = await Promise.all(
      ids.map(async (id) => {
        const [own, barredBy] = await this.#client.hmget(this.#keys.campaign(id), 'sender', 'barredBy')
        return { id, own, barredBy: barredBy ?? '' }
      }),
    )
    return read.filter(({ own }) => own === sender).map(({ id, barredBy }) => ({ id, barredBy }))
  }
}
