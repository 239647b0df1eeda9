import { appSecrets, verifySignature } from '@chasqui/whatsapp'
import { expect, test } from 'vitest'
import { signedRequest } from './signed-request.ts'

test('a request is one the status-worker takes for genuine', () => {
  const request = signedRequest('{"name":"José"}', 'secret', '127.0.0.1:1').toString()
  const [head = '', body = ''] = request.split('\r\n\r\n')
  expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`)
  const signature = /X-Hub-Signature-256: (.*)/.exec(head)?.[1]
  expect(verifySignature(Buffer.from(body), signature, appSecrets(['secret']))).toBe('genuine')
})
