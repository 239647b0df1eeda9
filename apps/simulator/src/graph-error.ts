/**
 * The Graph API's error codes as this endpoint gives them: HTTP status, title and details, as published for the
 * WhatsApp Business Platform. Where Meta publishes no HTTP status, 400. Written from the provider's pages, not from
 * Chasqui's own table: a witness that shares a table with the accused would share its mistakes.
 */
export type GraphCode = {
  readonly http: number
  readonly title: string
  readonly details?: string
  readonly subcode?: number
}

export const GRAPH_CODES: Readonly<Record<number, GraphCode>> = {
  0: { http: 401, title: 'AuthException', details: 'We were unable to authenticate the app user.' },
  1: { http: 400, title: 'API Unknown', details: 'Invalid request or possible server error.' },
  2: { http: 503, title: 'API Service', details: 'Temporary due to downtime or due to being overloaded.' },
  3: { http: 500, title: 'API Method', details: 'Capability or permissions issue.' },
  4: { http: 400, title: 'API Too Many Calls', details: 'The app has reached its API call rate limit.' },
  10: { http: 403, title: 'Permission Denied', details: 'Permission is either not granted or has been removed.' },
  17: { http: 400, title: 'User request limit reached' },
  32: { http: 400, title: 'Page request limit reached' },
  33: { http: 400, title: 'Parameter value is not valid', details: 'The business phone number has been deleted.' },
  100: { http: 400, title: 'Invalid parameter' },
  102: { http: 401, title: 'Session key invalid or no longer valid' },
  104: { http: 401, title: 'An access token is required to request this resource' },
  190: { http: 401, title: 'Access token has expired', details: 'Your access token has expired.', subcode: 463 },
  200: { http: 403, title: 'API Permission', details: 'Permission is either not granted or has been removed.' },
  341: { http: 400, title: 'Application limit reached' },
  368: {
    http: 403,
    title: 'Temporarily blocked for policies violations',
    details: 'The account has been restricted or disabled.',
  },
  613: { http: 429, title: 'Calls to this api have exceeded the rate limit' },
  80007: {
    http: 400,
    title: 'Rate limit issues',
    details: 'The WhatsApp Business Account has reached its rate limit.',
  },
  130403: { http: 400, title: 'Message blocked by user' },
  130429: {
    http: 400,
    title: 'Rate limit hit',
    details: 'Cloud API message throughput has been reached.',
    subcode: 2494055,
  },
  130472: {
    http: 400,
    title: "User's number is part of an experiment",
    details: 'Message was not sent as part of an experiment.',
  },
  130497: { http: 403, title: 'Business account is restricted from messaging users in this country.' },
  131000: { http: 500, title: 'Something went wrong', details: 'Message failed to send due to an unknown error.' },
  131005: { http: 403, title: 'Access denied', details: 'Permission is either not granted or has been removed.' },
  131008: { http: 400, title: 'Required parameter is missing' },
  131009: { http: 400, title: 'Parameter value is not valid' },
  131014: { http: 400, title: 'Media could not be fetched' },
  131016: { http: 500, title: 'Service unavailable', details: 'A service is temporarily unavailable.' },
  131021: { http: 400, title: 'Recipient cannot be sender', details: 'Sender and recipient phone number is the same.' },
  131026: { http: 400, title: 'Message undeliverable', details: 'Unable to deliver message.' },
  131030: { http: 400, title: 'Recipient phone number not in allowed list' },
  131031: { http: 403, title: 'Account has been locked', details: 'The account has been restricted or disabled.' },
  131037: { http: 400, title: 'Display name approval is needed before messages can be sent' },
  131042: {
    http: 400,
    title: 'Business eligibility payment issue',
    details: 'There was an error related to your payment method.',
  },
  131045: {
    http: 500,
    title: 'Incorrect certificate',
    details: 'Message failed to send due to a phone number registration error.',
  },
  131047: {
    http: 400,
    title: 'Re-engagement message',
    details: 'More than 24 hours have passed since the recipient last replied.',
  },
  131048: {
    http: 400,
    title: 'Spam rate limit hit',
    details: 'There are restrictions on how many messages can be sent from this phone number.',
  },
  131049: {
    http: 400,
    title: 'This message was not delivered to maintain healthy ecosystem engagement.',
    details: 'In order to maintain a healthy ecosystem engagement, the message failed to be delivered.',
  },
  131050: {
    http: 400,
    title:
      'Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp from your business',
  },
  131051: { http: 400, title: 'Message type is currently not supported' },
  131052: { http: 400, title: 'Media download error' },
  131053: { http: 400, title: 'Media upload error', details: 'Unable to upload the media used in the message.' },
  131055: { http: 400, title: 'Method not allowed', details: 'Only marketing template messages are supported' },
  131056: {
    http: 400,
    title: '(Business Account, Consumer Account) pair rate limit hit',
    details: 'Too many messages to the same recipient in a short period of time.',
  },
  131057: { http: 500, title: 'Account in maintenance mode', details: 'The business account is in maintenance mode.' },
  131061: { http: 400, title: 'Template cannot be sent on Cloud API' },
  131062: { http: 400, title: 'Business-scoped user id recipients are not supported for this message' },
  131063: {
    http: 400,
    title: 'Marketing templates disabled for Cloud API',
    details:
      'Your template is categorized as Marketing, but marketing templates are currently disabled for your Cloud API configuration.',
  },
  131064: { http: 400, title: 'Messaging is limited because of template classification violations' },
  132000: { http: 400, title: 'Number of parameters does not match the expected number of params' },
  132001: {
    http: 404,
    title: 'Template name does not exist in the translation',
    details: 'The template does not exist in the specified language or has not been approved.',
  },
  132005: { http: 400, title: 'Translated text too long' },
  132007: { http: 400, title: 'Template format character policy violated' },
  132008: { http: 400, title: 'Parameter format does not match format in the created template' },
  132012: {
    http: 400,
    title: 'Parameter format does not match format in the created template',
    details: 'Variable values are formatted incorrectly.',
  },
  132015: {
    http: 400,
    title: 'Template is paused',
    details: 'Template is paused due to low quality so it cannot be sent in a template message.',
  },
  132016: {
    http: 400,
    title: 'Template is disabled',
    details: 'Template has been paused too many times due to low quality and is now permanently disabled.',
  },
  132018: {
    http: 400,
    title: 'Template validation error',
    details: "There's an issue with the parameters in your template.",
  },
  132068: { http: 400, title: 'Flow is in blocked state' },
  132069: {
    http: 400,
    title: 'Flow is in throttled state',
    details: '10 messages using this flow were already sent in the last hour.',
  },
  133000: { http: 500, title: 'Incomplete deregistration', details: 'A previous deregistration attempt failed.' },
  133004: { http: 503, title: 'Server temporarily unavailable', details: 'Server is temporarily unavailable.' },
  133005: { http: 400, title: 'Two-step verification PIN mismatch' },
  133006: { http: 400, title: 'Phone number re-verification needed' },
  133008: { http: 400, title: 'Too many two-step verification PIN guesses' },
  133009: { http: 400, title: 'Two-step verification PIN guessed too fast' },
  133010: {
    http: 400,
    title: 'Phone number not registered',
    details: 'Phone number not registered on the WhatsApp Business Platform.',
  },
  133015: { http: 400, title: 'Please wait a few minutes before attempting to register this phone number' },
  133016: { http: 400, title: 'Account register deregister rate limit exceeded' },
  134011: { http: 400, title: 'WhatsApp Payments terms of service have not been accepted' },
  134100: {
    http: 400,
    title: 'Only marketing messages supported',
    details: 'Only marketing template messages can be sent to this endpoint.',
  },
  134101: {
    http: 400,
    title: 'Your template is still syncing',
    details: 'The template syncing process can take up to 10 minutes to complete.',
  },
  134102: {
    http: 500,
    title: 'Template unavailable for use',
    details: "Please check your eligibility status to ensure you are onboarded or contact Meta's customer support.",
  },
  134103: { http: 400, title: 'Template unavailable for use' },
  135000: {
    http: 400,
    title: 'Generic user error',
    details: 'Message failed to send because of an unknown error with your request parameters.',
  },
  137000: { http: 400, title: 'Identity key hash mismatch' },
  139000: { http: 400, title: 'Flow blocked by integrity' },
  2494100: { http: 500, title: 'Account in maintenance mode' },
}

/** What the endpoint refuses a request with. `details` and `subcode` override the table's. */
export type GraphError = {
  readonly code: number
  readonly details?: string
  readonly subcode?: number
  /** Replaces `(#code) title`: a few errors of the Graph layer itself come without that form. */
  readonly message?: string
}

/** `trace` becomes `fbtrace_id`. */
export function graphErrorBody(error: GraphError, trace: string): string {
  const known = GRAPH_CODES[error.code]
  const details = error.details ?? known?.details
  const subcode = error.subcode ?? known?.subcode
  return JSON.stringify({
    error: {
      message: error.message ?? `(#${error.code}) ${known?.title ?? 'Unknown error'}`,
      type: 'OAuthException',
      code: error.code,
      ...(details === undefined ? {} : { error_data: { messaging_product: 'whatsapp', details } }),
      ...(subcode === undefined ? {} : { error_subcode: subcode }),
      fbtrace_id: trace,
    },
  })
}

export function httpOf(code: number): number {
  return GRAPH_CODES[code]?.http ?? 400
}
