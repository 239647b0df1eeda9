import { AliveCampaigns } from './alive.ts'
import type { Keys } from './keys.ts'
import { hearWord, overruleWord } from './latest-word.ts'
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

/** One of an account's numbers, known by its display number, has another throughput or messaging limit now. */
export type NumberNotice = {
  readonly wabaId: string
  /** As people see it, however it is written; `null`: all numbers of the account. */
  readonly displayPhoneNumber: string | null
  /** Messages a second. */
  readonly throughput: number | null
  readonly messagingLimit: string | null
  readonly at: number
}

/** `nobody`: no sender of ours is known to be meant. */
export type Heard = 'acted' | 'older' | 'nobody'

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
  async hearTemplate(notice: TemplateNotice, senders: ReadonlySet<string>): Promise<Heard> {
    if (senders.size === 0) return 'nobody'
    const { name, language } = notice
    const users = (await this.#alive.list()).filter(
      ({ sender, template }) =>
        senders.has(sender) && template.name === name && sameLanguage(template.language, language),
    )
    const campaigns = users.map(({ id }) => id)
    return (await this.#templates.hear(notice, notice, campaigns)) ? 'acted' : 'older'
  }

  /** Block these senders, or lift the block of that name. */
  async hearAccount(notice: AccountNotice, senders: ReadonlySet<string>): Promise<Heard> {
    if (senders.size === 0) return 'nobody'
    const { reason, at, until } = notice
    const heard = { subject: subjectOf(notice.wabaId, reason), word: notice.word, at }
    const acted = await hearWord(this.#client, this.#keys.notices(), heard, async (word) => {
      for (const sender of senders) {
        if (word === 'resume') await this.#senders.unblock(sender, reason)
        else await this.#senders.block(sender, reason, { since: at, until, code: null, detail: 'webhook' })
      }
    })
    return acted ? 'acted' : 'older'
  }

  /**
   * An operator lifts a block of a sender, at `now` (ms by Redis), for the webhook that would have done so may be lost. What the
   * provider said of the account before does not bring it back.
   */
  async liftBlock(sender: string, wabaId: string, reason: string, now: number): Promise<void> {
    const said = { subject: subjectOf(wabaId, reason), word: 'resume', now } as const
    await overruleWord(this.#client, this.#keys.notices(), said, async (latest) => {
      if (latest === 'resume') await this.#senders.unblock(sender, reason)
    })
  }

  /**
   * Take over a number's new limits. Its sender is known by the display number that other webhooks of it carried: a guess
   * would give a number a rate that it does not have.
   */
  async hearNumber(notice: NumberNotice, senders: ReadonlySet<string>): Promise<Heard> {
    const { displayPhoneNumber, throughput, messagingLimit, at } = notice
    let heard: Heard = 'nobody'
    for (const sender of senders) {
      if (displayPhoneNumber !== null && !(await this.#isNumberOf(sender, displayPhoneNumber))) continue
      const news = [
        throughput !== null && (await this.#senders.learnRate(sender, throughput, at)),
        messagingLimit !== null && (await this.#senders.noteFact(sender, 'messaging_limit', messagingLimit, at)),
      ]
      if (news.includes(true)) heard = 'acted'
      else if (heard === 'nobody') heard = 'older'
    }
    return heard
  }

  async #isNumberOf(sender: string, displayPhoneNumber: string): Promise<boolean> {
    const known = await this.#senders.fact(sender, 'display_number')
    return known !== null && known.value === digitsOf(displayPhoneNumber)
  }
}

function subjectOf(wabaId: string, reason: string): string {
  return `account ${wabaId} ${reason}`
}

/** A number as Meta writes it for people (`+1 555-078-3881`), reduced to what it is. */
export function digitsOf(displayPhoneNumber: string): string {
  return displayPhoneNumber.replaceAll(/\D/g, '')
}
