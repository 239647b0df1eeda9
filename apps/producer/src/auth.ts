import type { FastifyInstance, FastifyRequest } from 'fastify'

import { callerOf } from './api-keys.ts'
import type { ApiKey } from './api-keys.ts'
import { Problem } from './problem.ts'

/** Who asks where no keys are configured, which is only allowed on loopback. */
const LOCAL = 'local'

const callers = new WeakMap<FastifyRequest, string>()

/** The name of the key that a request came with. */
export function callerName(request: FastifyRequest): string {
  return callers.get(request) ?? LOCAL
}

/** Let nobody in without a key. The description of the API itself is open: it is in the repository anyway. */
export function requireKey(app: FastifyInstance, keys: readonly ApiKey[]): void {
  if (keys.length === 0) return
  app.addHook('onRequest', async (request, reply) => {
    if (!request.url.startsWith('/v1/')) return
    const caller = callerOf(request.headers.authorization, keys)
    if (caller === null) {
      void reply.header('www-authenticate', 'Bearer')
      throw new Problem('unauthorized', 'an API key is needed: Authorization: Bearer <key>')
    }
    callers.set(request, caller)
  })
}
