import { expect, test } from 'vitest'
import { signatureOf } from './signature.ts'

test.each([
  [
    'test_app_secret',
    '{"object":"whatsapp_business_account","entry":[]}',
    'dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756',
  ],
  ['s3cr3t', '', '3c81cc9496e1c25250f6ccb85f697c1bb623e3480d6538ad8cb6a6648142777d'],
  [
    's3cr3t',
    '{"entry":[{"changes":[{"field":"messages","value":{"statuses":[{"id":"wamid.1","status":"sent","timestamp":"1","recipient_id":"1","biz_opaque_callback_data":"café 🎉"}]}}]}]}',
    '7aa3a89ac1bc95742bd9df0d73c3fef2724947d7b6e7a8fb4a8c9f52d3e0a2fa',
  ],
])('signs the bytes of the text with %s', (secret, body, hex) => {
  expect(signatureOf(secret, body)).toBe(`sha256=${hex}`)
})
