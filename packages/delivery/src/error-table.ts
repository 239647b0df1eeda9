/**
 * Every error code the endpoint is known to answer with, as data: what it means and what follows. Nobody else asks
 * about a code. From Meta's error code page of September 2026 and, where marked, from providers' tables; the HTTP
 * status does not classify (130429 comes as 400, 134102 as 500 and is final), the code does.
 */

/** What a code says about. It decides who has to stop. */
export type ErrorScope = 'message' | 'recipient' | 'pair' | 'template' | 'phone' | 'account' | 'token' | 'app'

/** What follows when the endpoint *answers a send* with a code. Times in seconds. */
export type FollowUp =
  /** Too fast: the message was not sent; slow the sender down and try again. */
  | { readonly kind: 'throttle' }
  /** Temporary and not sent: the whole sender rests, growing with repetition, and goes on by itself. */
  | { readonly kind: 'rest'; readonly seconds: number }
  /** This recipient alone comes again: after `seconds * factor^n`, at most `retries` times, then it is rejected. */
  | { readonly kind: 'retry'; readonly seconds: number; readonly factor: number; readonly retries: number }
  /** No message to this recipient will ever pass as it is. */
  | { readonly kind: 'reject' }
  /** The recipient does not want, or cannot take, marketing from us: reject, and write to nobody there again. */
  | { readonly kind: 'suppress' }
  /** Every message of the campaign would fail alike: it stops, its recipients stay pending. `null`: until somebody resumes it. */
  | { readonly kind: 'hold_campaign'; readonly seconds: number | null }
  /** Every message of the sender would fail alike: it stops, its recipients stay pending; tried again after `seconds`. */
  | { readonly kind: 'block_sender'; readonly seconds: number }
  /** The message may have been sent. */
  | { readonly kind: 'unknown' }

export type ErrorRule = {
  readonly code: number
  /** Last code of a range; the same as `code` for one. */
  readonly through: number
  readonly meaning: string
  readonly scope: ErrorScope
  readonly follow: FollowUp
}

const throttle: FollowUp = { kind: 'throttle' }
const reject: FollowUp = { kind: 'reject' }
const suppress: FollowUp = { kind: 'suppress' }
const unknown: FollowUp = { kind: 'unknown' }
const rest = (seconds: number): FollowUp => ({ kind: 'rest', seconds })
const hold = (seconds: number | null): FollowUp => ({ kind: 'hold_campaign', seconds })
const block = (seconds: number): FollowUp => ({ kind: 'block_sender', seconds })
const retry = (seconds: number, retries: number, factor = 1): FollowUp => ({ kind: 'retry', seconds, factor, retries })

const MINUTE = 60
const HOUR = 3_600
/** One such answer among good ones is chance and a short rest; a run of them doubles the rest each time (restDelay). */
const BUSY = 0.25
/** A block without an end of its own is probed again after this long, so that a mended account goes on by itself. */
const PROBE = 5 * MINUTE

function rule(
  code: number | readonly [number, number],
  scope: ErrorScope,
  follow: FollowUp,
  meaning: string,
): ErrorRule {
  const [from, through] = typeof code === 'number' ? [code, code] : code
  return { code: from, through, meaning, scope, follow }
}

export const ERROR_TABLE: readonly ErrorRule[] = [
  // Tokens and permissions. 0 is a real code: never test for truth.
  rule(0, 'token', block(PROBE), 'the access token could not be authenticated'),
  rule(3, 'app', block(PROBE), 'the app lacks a capability or permission (comes as HTTP 500, is not transient)'),
  rule(10, 'token', block(PROBE), 'permission denied, or the feature is not open to this account'),
  rule(102, 'token', block(PROBE), 'the session or token is not valid'),
  rule(104, 'token', block(PROBE), 'the access token is missing'),
  rule(190, 'token', block(PROBE), 'the access token has expired or was withdrawn'),
  rule([200, 299], 'token', block(PROBE), 'a permission is missing or was removed'),
  rule(131005, 'token', block(PROBE), 'access denied: a permission is missing or was removed'),

  // Meta is busy or away. Surely not sent.
  rule(2, 'app', rest(BUSY), 'the service is down or overloaded'),
  rule(4, 'app', rest(MINUTE), "the app's call limit is reached"),
  rule(17, 'app', rest(MINUTE), "the user's call limit is reached"),
  rule(32, 'app', rest(MINUTE), "the page's call limit is reached"),
  rule(341, 'app', rest(MINUTE), "the application's limit is reached"),
  rule(613, 'app', rest(MINUTE), 'the call rate limit is reached'),
  rule(80007, 'account', rest(5 * MINUTE), "the account's call limit is reached"),
  rule(131016, 'app', rest(BUSY), 'the service is overloaded'),
  rule(
    131057,
    'account',
    block(2 * MINUTE),
    'the account is in maintenance, for example while its throughput is raised',
  ),
  rule(133004, 'app', rest(BUSY), 'the server is temporarily unavailable'),
  rule(2494100, 'phone', block(2 * MINUTE), 'the account is in maintenance'),

  // Limits.
  rule(130429, 'phone', throttle, "the number's throughput limit is reached"),
  rule(131048, 'phone', block(HOUR), 'the number is limited because people marked its messages as spam'),
  rule(131056, 'pair', retry(1, 6, 4), 'too many messages from this number to this person in a short time'),
  rule(
    131049,
    'recipient',
    reject,
    'held back for a healthy ecosystem: this person had enough marketing for now (always so for US numbers)',
  ),
  rule(131064, 'account', block(HOUR), 'the account is limited because templates were put into the wrong category'),

  // The recipient.
  rule(130403, 'recipient', suppress, 'the business has blocked this person'),
  rule(130472, 'recipient', reject, 'the person is part of an experiment and gets no marketing; not billed'),
  rule(130497, 'recipient', reject, "the account may not message this person's country"),
  rule(131021, 'recipient', reject, 'the recipient is the sender itself'),
  rule(131026, 'recipient', reject, 'undeliverable: not on WhatsApp, an old client, or terms not accepted'),
  rule(131050, 'recipient', suppress, 'the person has stopped marketing messages from this business'),
  rule(131062, 'recipient', reject, 'this message cannot go to a business-scoped user id'),
  rule(137000, 'recipient', reject, "the recipient's identity key does not match"),

  // The request.
  rule(100, 'message', reject, 'a parameter is invalid'),
  rule(131008, 'message', reject, 'a required parameter is missing'),
  rule(
    131009,
    'message',
    retry(10 * MINUTE, 1),
    'a parameter value is not valid, or the template is still being synced',
  ),
  rule(131047, 'message', reject, 'more than 24 hours since the person last wrote, and not a template'),
  rule(131051, 'message', reject, 'the message type is not supported'),
  rule(132000, 'message', reject, 'the number of template parameters does not match'),
  rule(132005, 'message', reject, 'the filled-in text is too long'),
  rule(132008, 'message', reject, "a template parameter's format does not match (seen at providers)"),
  rule(132012, 'message', reject, "a template parameter's format does not match"),
  rule(132018, 'message', reject, 'the template parameters did not pass validation'),
  rule(135000, 'message', retry(30, 1), 'unknown error with the request parameters'),

  // The template, its media and flows: every message of the campaign alike.
  rule(131014, 'template', hold(null), 'the header media could not be fetched'),
  rule(131053, 'template', retry(30, 2), 'the header media could not be uploaded: wrong type, size or address'),
  rule(
    131055,
    'template',
    hold(null),
    'only marketing templates are allowed here, or the MM Lite terms are not accepted',
  ),
  rule(131061, 'template', hold(null), 'a template with a bid cannot go through Cloud API'),
  rule(131063, 'account', hold(null), 'marketing templates are switched off on Cloud API and the send fell back to it'),
  rule(132001, 'template', hold(null), 'the template does not exist in this language or is not approved'),
  rule(132007, 'template', hold(null), 'the template violates a policy'),
  rule(132015, 'template', hold(null), 'the template is paused for low quality'),
  rule(132016, 'template', hold(null), 'the template is disabled for good'),
  rule(132068, 'template', hold(null), 'the flow is blocked'),
  rule(132069, 'template', hold(HOUR), 'the flow is throttled: ten messages in the last hour'),
  rule(
    134100,
    'template',
    hold(null),
    'only marketing messages are supported; the template may have been re-categorised',
  ),
  rule(134101, 'template', hold(10 * MINUTE), 'the template is still being synced to the ad account'),
  rule(
    134102,
    'template',
    hold(null),
    'the template is unavailable, or the account is not eligible (comes as HTTP 500, is final)',
  ),
  rule(134103, 'template', hold(null), 'announced by Meta, never described; taken like 134102'),
  rule([139000, 139004], 'template', hold(null), 'the flow failed its integrity or publishing check'),

  // The number or the account.
  rule(33, 'phone', block(HOUR), 'the business phone number does not exist any more'),
  rule(368, 'account', block(HOUR), 'the account is restricted for policy violations'),
  rule(131030, 'phone', block(PROBE), 'a test number may only write to its allowed list'),
  rule(131031, 'account', block(HOUR), 'the account is locked'),
  rule(131037, 'phone', block(HOUR), "the number's display name is not approved"),
  rule(131042, 'account', block(PROBE), 'a payment problem: no valid payment method or credit line'),
  rule(131045, 'phone', block(PROBE), 'the number is not registered properly (comes as HTTP 500, is not transient)'),
  rule(133000, 'phone', block(PROBE), 'an earlier deregistration is incomplete'),
  rule([133005, 133009], 'phone', block(PROBE), 'two-step verification of the number failed'),
  rule(133010, 'phone', block(PROBE), 'the number is not registered'),
  rule(133015, 'phone', block(5 * MINUTE), 'the number was deleted a moment ago'),
  rule(133016, 'phone', block(HOUR), 'too many attempts to register the number'),
  rule(134011, 'account', block(PROBE), 'the WhatsApp Payments terms are not accepted'),

  // May have been sent.
  rule(131000, 'message', unknown, 'something went wrong at Meta'),

  // Not on the send path; if one comes all the same, this message is refused and nothing else stops.
  rule(131044, 'message', reject, 'a payment problem for calling'),
  rule(131052, 'message', reject, 'inbound media could not be downloaded'),
  rule(131059, 'message', reject, 'a pagination cursor is wrong'),
  rule([139100, 139103], 'message', reject, 'blocking or unblocking a person failed'),
  rule([200005, 200007], 'message', reject, 'template insights are unavailable'),
  rule(1752041, 'message', reject, 'a duplicate onboarding request'),
  rule([2388001, 2388299], 'message', reject, 'a template or number administration error'),
  rule([2593107, 2593108], 'message', reject, 'a synchronisation error of onboarding'),
]

/** API Unknown (1) means "malformed" under a 4xx and "outage" under a 5xx: the one code that needs the status. */
const API_UNKNOWN = 1

/**
 * The rule for a code the endpoint answered with. Codes outside the table: a 4xx refuses this request, a 5xx leaves the
 * outcome unknown.
 */
export function ruleFor(code: number, httpStatus: number): ErrorRule {
  const known = ERROR_TABLE.find((row) => code >= row.code && code <= row.through)
  if (known !== undefined) return known
  const meaning = code === API_UNKNOWN ? 'an invalid request or a server error' : 'a code that is not in the table'
  return rule(code, 'message', httpStatus >= 500 ? unknown : reject, meaning)
}

/** A code's meaning in plain words, for reports. */
export function meaningOf(code: number): string {
  return ruleFor(code, 400).meaning
}

/** A code as a label from a closed list: itself when it is known, else `other`. Ranges are one. */
export function codeLabel(code: number): string {
  const known = ERROR_TABLE.find((row) => code >= row.code && code <= row.through)
  return known === undefined ? 'other' : String(known.code)
}
