export { bodyOfEvent, decodeWebhook } from './webhook-decode.ts'
export type { DecodedWebhook } from './webhook-decode.ts'
export { STATUS_WORDS } from './webhook-event.ts'
export type {
  AccountEvent,
  ClickEvent,
  EndpointErrorEvent,
  EventOrigin,
  OtherEvent,
  PreferenceEvent,
  Pricing,
  ReplyEvent,
  StatusEvent,
  StatusWord,
  TemplateEvent,
  TemplateRef,
  UnreadableEvent,
  WebhookEvent,
} from './webhook-event.ts'
export { answerHandshake } from './webhook-handshake.ts'
export type { HandshakeAnswer } from './webhook-handshake.ts'
export { appSecrets, signatureForm, signBody, verifySignature } from './webhook-signature.ts'
export type { AppSecrets, SignatureVerdict } from './webhook-signature.ts'
export { authenticate, judgeByHead, metaSource, passedOnSource, unwrap } from './webhook-source.ts'
export type { Authenticity, WebhookProvider, WebhookSource } from './webhook-source.ts'
