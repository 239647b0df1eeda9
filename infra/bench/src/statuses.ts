import { encodeCallbackData } from '@chasqui/delivery'
import { PHONE_NUMBER_ID } from './message.ts'
import { below, type Random, seededRandom } from './random.ts'

/** A campaign whose recipients have all been sent to, as far as statuses care. */
export type SentCampaign = {
  readonly id: string
  /** The places in its ledger where a recipient lives. */
  readonly ordinals: readonly number[]
}

export type StatusesOptions = {
  readonly environment: string
  readonly campaigns: readonly SentCampaign[]
  /** For all bodies, or for each by its place. */
  readonly eventsPerBody: number | ((body: number) => number)
  readonly seed: number
  /** The id of the message to a recipient, told instead of callback data: an endpoint that echoes nothing. */
  readonly messageIdOf?: (ordinal: number) => string
}

/** What happened to each recipient's message. Every recipient has all three, so the numbers at the end are known. */
export const LIFE = ['sent', 'delivered', 'read'] as const

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/**
 * Webhook bodies as Meta sends them, each event of each recipient once, all campaigns mixed and everything in random
 * order: nothing about the order helps whoever folds them.
 */
export function* statusBodies(options: StatusesOptions): Generator<string> {
  const { environment, campaigns, eventsPerBody, seed, messageIdOf } = options
  const random = seededRandom(seed)
  const events = shuffled(random, campaigns)
  for (let from = 0, body = 0; from < events.length; body += 1) {
    const to = from + (typeof eventsPerBody === 'number' ? eventsPerBody : eventsPerBody(body))
    const statuses = Array.from(events.subarray(from, to), (event) =>
      statusObject(environment, unpack(event, campaigns), messageIdOf),
    )
    yield envelope(statuses)
    from = to
  }
}

export function countEvents(campaigns: readonly SentCampaign[]): number {
  return campaigns.reduce((sum, { ordinals }) => sum + ordinals.length, 0) * LIFE.length
}

type Event = {
  /** Which recipient of all of them, for what stays the same from status to status. */
  readonly place: number
  readonly campaign: string
  readonly ordinal: number
  readonly status: string
}

/** Every event as one number, Fisher-Yates shuffled. */
function shuffled(random: Random, campaigns: readonly SentCampaign[]): Float64Array {
  const events = new Float64Array(countEvents(campaigns))
  let filled = 0
  for (const [campaign, { ordinals }] of campaigns.entries()) {
    for (const ordinal of ordinals) {
      for (let status = 0; status < LIFE.length; status++) {
        events[filled++] = (ordinal * campaigns.length + campaign) * LIFE.length + status
      }
    }
  }
  for (let last = events.length - 1; last > 0; last--) {
    const other = below(random, last + 1)
    const moved = events[last] ?? 0
    events[last] = events[other] ?? 0
    events[other] = moved
  }
  return events
}

function unpack(event: number, campaigns: readonly SentCampaign[]): Event {
  const place = Math.floor(event / LIFE.length)
  return {
    place,
    campaign: campaigns[place % campaigns.length]?.id ?? '',
    ordinal: Math.floor(place / campaigns.length),
    status: LIFE[event % LIFE.length] ?? 'sent',
  }
}

/** One status of Meta's `value.statuses[]` (webhooks v24: `pricing` on all but `failed`, no `conversation`). */
function statusObject(
  environment: string,
  { place, campaign, ordinal, status }: Event,
  messageIdOf: StatusesOptions['messageIdOf'],
): object {
  const random = seededRandom(place)
  const data = encodeCallbackData({ environment, campaignId: campaign, ordinal, attempt: 1 })
  return {
    id: messageIdOf === undefined ? `wamid.HBgN${letters(random, 48)}AA==` : messageIdOf(ordinal),
    status,
    timestamp: String(1_795_000_000 + below(random, 86_400)),
    recipient_id: `55119${String(below(random, 10 ** 8)).padStart(8, '0')}`,
    ...(messageIdOf === undefined ? { biz_opaque_callback_data: data } : {}),
    pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'marketing_lite' },
  }
}

function envelope(statuses: readonly object[]): string {
  const metadata = { display_phone_number: '15550783881', phone_number_id: PHONE_NUMBER_ID }
  const value = { messaging_product: 'whatsapp', metadata, statuses }
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: '102290129340398', changes: [{ value, field: 'messages' }] }],
  })
}

function letters(random: Random, count: number): string {
  let text = ''
  for (let letter = 0; letter < count; letter++) text += CHARACTERS[below(random, CHARACTERS.length)]
  return text
}
