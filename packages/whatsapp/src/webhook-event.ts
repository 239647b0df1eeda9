import type { Json } from './webhook-read.ts'

/** Where in the envelope an event lay. */
export type EventOrigin = {
  /** The WhatsApp Business Account: `entry.id`. */
  readonly wabaId: string | null
  /** `value.metadata.phone_number_id`, which some events leave out. */
  readonly phoneNumberId: string | null
  /** `value.metadata.display_phone_number`: the business' own number. Events about the number name it by this alone. */
  readonly displayPhoneNumber: string | null
  /** `change.field`; only a hint: samples exist that leave it out or name the wrong one. */
  readonly field: string | null
  /** `entry.time`, ms. */
  readonly at: number | null
}

/** The words for a message's state that are counted by name; all others are `other`. */
export const STATUS_WORDS = ['sent', 'delivered', 'read', 'failed', 'played', 'deleted'] as const

export type StatusWord = (typeof STATUS_WORDS)[number] | 'other'

/** What a status says about money; only `category` tells the route. */
export type Pricing = {
  /** Lower case: `marketing_lite` went through MM Lite, `marketing` fell back to Cloud API. */
  readonly category: string | null
  readonly type: string | null
  readonly model: string | null
  readonly billable: boolean | null
  /** Only with max price templates; an estimate in the currency's base unit. */
  readonly cost: { readonly amount: number; readonly currency: string | null } | null
}

/** One state of one message. */
export type StatusEvent = {
  readonly kind: 'status'
  readonly origin: EventOrigin
  readonly status: StatusWord
  /** Bits of delivery's `FACT`; 0 when the status tells nothing that is counted. */
  readonly facts: number
  /** Bits of delivery's `PRICE`: what pricing tells besides the route. */
  readonly prices: number
  /** The first code of a `failed` status; 0 when it names none. */
  readonly errorCode: number
  /** When Meta saw it, ms. */
  readonly at: number | null
  /** The wamid. It holds the phone number: personal data. */
  readonly messageId: string | null
  readonly recipient: string | null
  /** `biz_opaque_callback_data`, ours or another application's. */
  readonly callbackData: string | null
  readonly pricing: Pricing | null
  /** As it came, for dead letters. */
  readonly raw: Json
}

/** Somebody opted out of, or back in to, marketing messages. */
export type PreferenceEvent = {
  readonly kind: 'preference'
  readonly origin: EventOrigin
  readonly value: 'stop' | 'resume' | 'other'
  readonly category: string | null
  readonly waId: string | null
  readonly userId: string | null
  readonly at: number | null
}

/** Somebody wrote to us or tapped a button. */
export type ReplyEvent = {
  readonly kind: 'reply'
  readonly origin: EventOrigin
  /** `button`, `text`, `interactive` … as Meta names it. */
  readonly type: string | null
  readonly from: string | null
  readonly messageId: string | null
  /** The message that was answered: exact attribution to a recipient. */
  readonly answers: string | null
  /** What was tapped (its payload or id) or written. */
  readonly content: string | null
  /** What the tapped button says, as people read it. */
  readonly label: string | null
  readonly at: number | null
}

/** A click that Meta saw. It names no recipient and no message. */
export type ClickEvent = {
  readonly kind: 'click'
  readonly origin: EventOrigin
  readonly action: 'link_click' | 'landing_page_view' | 'other'
  readonly component: string | null
  readonly clickId: string | null
  readonly trackingToken: string | null
  readonly productId: string | null
  readonly at: number | null
}

/** The template an event is about. */
export type TemplateRef = {
  readonly id: string | null
  readonly name: string | null
  /** With an underscore, `en_US`, however it came. */
  readonly language: string | null
}

export type TemplateEvent = {
  readonly kind: 'template'
  readonly origin: EventOrigin
  readonly template: TemplateRef
  readonly change:
    | {
        readonly kind: 'status'
        readonly status: string
        readonly title: string | null
        readonly reason: string | null
      }
    | { readonly kind: 'quality'; readonly from: string | null; readonly to: string }
    | {
        readonly kind: 'category'
        readonly from: string | null
        readonly to: string | null
        readonly correct: string | null
        readonly at: number | null
      }
    | { readonly kind: 'edited' }
}

/** Something about the account or one of its numbers that may change what we may send. Words in upper case. */
export type AccountEvent = {
  readonly kind: 'account'
  readonly origin: EventOrigin
  readonly change:
    | {
        readonly kind: 'number'
        readonly event: string
        readonly displayPhoneNumber: string | null
        readonly limit: string | null
      }
    | { readonly kind: 'capability'; readonly conversationsPerDay: string | null }
    | {
        readonly kind: 'update'
        readonly event: string
        readonly restrictions: readonly { readonly type: string; readonly until: number | null }[]
        readonly banState: string | null
      }
    | {
        readonly kind: 'alert'
        readonly type: string
        readonly severity: string | null
        readonly status: string | null
      }
    | { readonly kind: 'review'; readonly decision: string }
    | { readonly kind: 'security'; readonly event: string }
}

/** An error of the account or the app that belongs to no message: `value.errors[]`. */
export type EndpointErrorEvent = {
  readonly kind: 'endpoint_error'
  readonly origin: EventOrigin
  readonly code: number
  readonly title: string | null
}

/** Understood as an envelope, of no use to us (yet): tracking tests, ads events, fields of tomorrow. */
export type OtherEvent = { readonly kind: 'other'; readonly origin: EventOrigin }

/** A part that is not shaped as any known version; the rest of its body is read all the same. */
export type UnreadableEvent = {
  readonly kind: 'unreadable'
  readonly origin: EventOrigin
  readonly part: 'entry' | 'change' | 'status'
  readonly raw: unknown
}

export type WebhookEvent =
  | StatusEvent
  | PreferenceEvent
  | ReplyEvent
  | ClickEvent
  | TemplateEvent
  | AccountEvent
  | EndpointErrorEvent
  | OtherEvent
  | UnreadableEvent
