/**
 * What we hand Meta as `biz_opaque_callback_data` and get back in status webhooks: which recipient, and which attempt
 * at it, a status speaks of. No personal data. At most 512 characters are allowed (Cloud API); ours has under 120.
 */
export type CallbackData = {
  /** Keeps staging and production apart on one WABA: the Redis prefix. */
  readonly environment: string
  readonly campaignId: string
  readonly ordinal: number
  readonly attempt: number
}

const FORM = /^v1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.([0-9a-z]{1,8})\.([0-9]{1,2})$/

export function encodeCallbackData(data: CallbackData): string {
  return `${callbackDataPrefix(data.environment, data.campaignId)}${data.ordinal.toString(36)}.${data.attempt}`
}

/** The part that is the same for every recipient of a campaign. */
export function callbackDataPrefix(environment: string, campaignId: string): string {
  return `v1.${environment}.${campaignId}.`
}

/** `null` for anything that is not ours: another application's string, or a newer form. */
export function decodeCallbackData(text: string): CallbackData | null {
  const match = FORM.exec(text)
  if (match === null) return null
  const [, environment = '', campaignId = '', ordinal = '', attempt = ''] = match
  return { environment, campaignId, ordinal: Number.parseInt(ordinal, 36), attempt: Number(attempt) }
}
