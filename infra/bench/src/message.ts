import type { BenchRecipient } from './recipients.ts'

/** The one campaign the bench runs: a marketing template with a parameter for each column. */
export const CAMPAIGN = {
  name: 'bench',
  sender: 'bench',
  template: {
    name: 'seasonal_sale_promo',
    language: 'pt_BR',
    components: [
      {
        type: 'body',
        parameters: [
          { type: 'text', text: '{{first_name}}' },
          { type: 'text', text: '{{code}}' },
          { type: 'text', text: '{{amount}}' },
        ],
      },
    ],
  },
  productPolicy: 'STRICT',
  messageActivitySharing: true,
} as const

/** The only sender of the bench's senders.json. */
export const SENDER = 'bench'
export const PHONE_NUMBER_ID = '106540352242922'
export const MESSAGES_PATH = `/${PHONE_NUMBER_ID}/marketing_messages`

/** Meta's system user tokens have about this length. */
export const ACCESS_TOKEN = 'x'.repeat(200)

/** Requests in flight, of the send-worker and of the bare loop alike; more made undici slower. */
export const CONNECTIONS = 64

/** The request body a plain sender would build for a recipient: the shape Meta documents, by JSON.stringify. */
export function plainBody(recipient: BenchRecipient, callbackData: string): string {
  return JSON.stringify({
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: recipient.to,
    type: 'template',
    template: {
      name: CAMPAIGN.template.name,
      language: { policy: 'deterministic', code: CAMPAIGN.template.language },
      components: [
        {
          type: 'body',
          parameters: [recipient.firstName, recipient.code, recipient.amount].map((text) => ({ type: 'text', text })),
        },
      ],
    },
    product_policy: CAMPAIGN.productPolicy,
    message_activity_sharing: CAMPAIGN.messageActivitySharing,
    biz_opaque_callback_data: callbackData,
  })
}
