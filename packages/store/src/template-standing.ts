import { AliveCampaigns } from './alive.ts'
import type { Keys } from './keys.ts'
import { hearWord, overruleWord } from './latest-word.ts'
import type { Word } from './latest-word.ts'
import type { RedisClient } from './redis.ts'
import { loadScript } from './script.ts'

const RELEASE = loadScript('release-campaign')

/** What may stop a template; each is remembered by itself, and any of them holds its campaigns. */
export type TemplateAspect = 'status' | 'category' | 'quality'

const ASPECTS = ['status', 'category', 'quality'] as const satisfies readonly TemplateAspect[]

/** Why a campaign is held, as its `reason` says it. */
const HOLDS = {
  status: 'template_stopped',
  category: 'template_category',
  quality: 'template_quality',
} as const satisfies Readonly<Record<TemplateAspect, string>>

/**
 * Holds that the endpoint's own answer brought about, before the webhook that says the same came: the paused, disabled or
 * unapproved template, and the one that is no marketing template any more. Good news of that aspect ends them too.
 */
const ANSWERED = {
  status: ['code_132001', 'code_132015', 'code_132016'],
  category: ['code_134100'],
  quality: [],
} as const satisfies Readonly<Record<TemplateAspect, readonly string[]>>

/** A template of an account; `language` as campaigns write it, `en_US`, or with a hyphen. */
export type TemplateId = { readonly wabaId: string; readonly name: string; readonly language: string }

export type TemplateWord = {
  readonly aspect: TemplateAspect
  readonly word: Word
  /** When it was said, ms. */
  readonly at: number
}

/**
 * What is known of templates, and the holds that follow. It is remembered by account, name and language, so a campaign
 * launched after its template was stopped is held as one that ran at that time.
 */
export class TemplateStandings {
  readonly #client: RedisClient
  readonly #keys: Keys
  readonly #alive: AliveCampaigns

  constructor(client: RedisClient, keys: Keys) {
    this.#client = client
    this.#keys = keys
    this.#alive = new AliveCampaigns(client, keys)
  }

  /**
   * Take a word about a template: the last by its own time holds. Hearing it again acts again and changes nothing.
   *
   * @param campaigns those that use the template, to be held or let go on.
   * @returns whether it was acted upon.
   */
  async hear(template: TemplateId, word: TemplateWord, campaigns: readonly string[]): Promise<boolean> {
    const heard = { subject: subjectOf(template, word.aspect), word: word.word, at: word.at }
    return await hearWord(this.#client, this.#keys.notices(), heard, async (latest) => {
      const endsToo = latest === 'resume' ? ANSWERED[word.aspect] : []
      for (const id of campaigns) await this.settle(id, template, endsToo)
    })
  }

  /**
   * Hold a running campaign whose template may not be sent, or let it go on if it was held for that and may be sent again.
   * What is known and the campaign lie in different places, so it looks again after acting: whoever acts last, acts on
   * what is known last.
   *
   * @param endsToo further reasons of a hold that end with it.
   */
  async settle(
    campaign: string,
    template: TemplateId,
    endsToo: readonly string[] = [],
  ): Promise<'held' | 'released' | 'as_it_was'> {
    let became: 'held' | 'released' | 'as_it_was' = 'as_it_was'
    let reason = await this.#reasonToHold(template)
    for (let acted: string | null | undefined; reason !== acted; reason = await this.#reasonToHold(template)) {
      acted = reason
      if (reason === null) {
        const reasons = [...Object.values(HOLDS), ...endsToo]
        if ((await RELEASE.run(this.#client, [this.#keys.campaign(campaign)], reasons)) === 1) became = 'released'
      } else if (await this.#alive.hold(campaign, reason, null)) became = 'held'
    }
    return became
  }

  /** An operator knows better, at `now` (ms by Redis): whatever was said against the template before counts no more. */
  async overrule(template: TemplateId, now: number): Promise<void> {
    for (const aspect of ASPECTS) {
      const said = { subject: subjectOf(template, aspect), word: 'resume', now } as const
      await overruleWord(this.#client, this.#keys.notices(), said, async () => {})
    }
  }

  async #reasonToHold(template: TemplateId): Promise<string | null> {
    const subjects = ASPECTS.map((aspect) => subjectOf(template, aspect))
    const known = await this.#client.hmget(this.#keys.notices(), ...subjects)
    const stopped = ASPECTS.find((_, index) => known[index]?.endsWith(':stop') === true)
    return stopped === undefined ? null : HOLDS[stopped]
  }
}

/** Whether a campaign is held for what is known of its template. */
export function isTemplateHold(reason: string | null): boolean {
  return Object.values<string | null>(HOLDS).includes(reason)
}

/** Language codes come with a hyphen in some events and with an underscore in others. */
export function sameLanguage(one: string, other: string): boolean {
  return one.replace('-', '_') === other.replace('-', '_')
}

function subjectOf({ wabaId, name, language }: TemplateId, aspect: TemplateAspect): string {
  const what = aspect === 'status' ? 'template' : `template_${aspect}`
  return `${what} ${wabaId} ${language.replace('-', '_')} ${name}`
}
