import type { CampaignSpec } from '@chasqui/campaign'

import { AliveCampaigns } from './alive.ts'
import type { Keys } from './keys.ts'
import { hearWord } from './latest-word.ts'
import type { Word } from './latest-word.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'
import { Senders } from './senders.ts'

const RELEASE = loadScript('release-campaign')

/** Why campaigns are held whose template may not be sent. */
const TEMPLATE_HOLD = 'template_stopped'

/** A template may, or may not, be sent any more. */
export type TemplateNotice = {
  readonly wabaId: string
  readonly name: string
  /** As campaigns write it, `en_US`. */
  readonly language: string
  readonly word: Word
  /** When it happened, ms. */
  readonly at: number
}

/** An account may, or may not, send any more. */
export type AccountNotice = {
  readonly wabaId: string
  /** The block's name; each is stopped and resumed by itself. */
  readonly reason: string
  readonly word: Word
  readonly at: number
  /** When it may send again by itself, ms; `null`: when a notice says so. */
  readonly until: number | null
}

/**
 * Acts on what the provider tells of templates and accounts. The last notice by its own time holds; the same notice again
 * acts again and changes nothing.
 */
export class Notices {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #alive: AliveCampaigns
  readonly #senders: Senders

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
    this.#alive = new AliveCampaigns(client, keys)
    this.#senders = new Senders(client, keys)
  }

  /**
   * Hold the running campaigns of these senders that use the template, or let those go on that were held for it.
   *
   * @param senders of the template's account.
   */
  async hearTemplate(notice: TemplateNotice, senders: ReadonlySet<string>): Promise<boolean> {
    const subject = `template ${notice.wabaId} ${notice.language} ${notice.name}`
    return await this.#hear(subject, notice, async (word) => {
      for (const id of await this.#campaignsOf(notice, senders)) {
        if (word === 'stop') await this.#alive.hold(id, TEMPLATE_HOLD, null)
        else await RELEASE.run(this.#client, [this.#keys.campaign(id)], [TEMPLATE_HOLD])
      }
    })
  }

  /** Block these senders, or lift the block of that name. */
  async hearAccount(notice: AccountNotice, senders: ReadonlySet<string>): Promise<boolean> {
    const { reason, at, until } = notice
    return await this.#hear(`account ${notice.wabaId} ${reason}`, notice, async (word) => {
      for (const sender of senders) {
        if (word === 'resume') await this.#senders.unblock(sender, reason)
        else await this.#senders.block(sender, reason, { since: at, until, code: null, detail: 'webhook' })
      }
    })
  }

  async #hear(
    subject: string,
    { word, at }: { readonly word: Word; readonly at: number },
    act: (word: Word) => Promise<void>,
  ): Promise<boolean> {
    return await hearWord(this.#client, this.#keys.notices(), { subject, word, at }, act)
  }

  async #campaignsOf({ name, language }: TemplateNotice, senders: ReadonlySet<string>): Promise<string[]> {
    const alive = (await this.#alive.list()).filter(({ sender }) => senders.has(sender))
    const specs = await Promise.all(
      alive.map(async ({ id }) => await this.#client.hget(this.#keys.campaign(id), 'spec')),
    )
    return alive.flatMap(({ id }, index) => {
      const { template } = JSON.parse(specs[index] ?? '{}') as Partial<CampaignSpec>
      return template?.name === name && template.language.replace('-', '_') === language ? [id] : []
    })
  }
}
