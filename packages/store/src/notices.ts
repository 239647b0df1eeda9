import { AliveCampaigns } from './alive.ts'
import type { Keys } from './keys.ts'
import { hearWord } from './latest-word.ts'
import type { Word } from './latest-word.ts'
import type { RedisClient } from './redis.ts'
import { Senders } from './senders.ts'
import { sameLanguage, TemplateStandings } from './template-standing.ts'
import type { TemplateId, TemplateWord } from './template-standing.ts'

/** A template may, or may not, be sent any more. */
export type TemplateNotice = TemplateId & TemplateWord

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
  readonly #templates: TemplateStandings

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
    this.#alive = new AliveCampaigns(client, keys)
    this.#senders = new Senders(client, keys)
    this.#templates = new TemplateStandings(client, keys)
  }

  /**
   * Hold the running campaigns of these senders that use the template, or let those go on that were held for it.
   *
   * @param senders of the template's account.
   */
  async hearTemplate(notice: TemplateNotice, senders: ReadonlySet<string>): Promise<boolean> {
    const { name, language } = notice
    const users = (await this.#alive.list()).filter(
      ({ sender, template }) =>
        senders.has(sender) && template.name === name && sameLanguage(template.language, language),
    )
    return await this.#templates.hear(
      notice,
      notice,
      users.map(({ id }) => id),
    )
  }

  /** Block these senders, or lift the block of that name. */
  async hearAccount(notice: AccountNotice, senders: ReadonlySet<string>): Promise<boolean> {
    const { reason, at, until } = notice
    const heard = { subject: `account ${notice.wabaId} ${reason}`, word: notice.word, at }
    return await hearWord(this.#client, this.#keys.notices(), heard, async (word) => {
      for (const sender of senders) {
        if (word === 'resume') await this.#senders.unblock(sender, reason)
        else await this.#senders.block(sender, reason, { since: at, until, code: null, detail: 'webhook' })
      }
    })
  }
}
