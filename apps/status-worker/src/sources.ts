import { appSecrets, metaSource, passedOnSource } from '@chasqui/whatsapp'
import type { WebhookProvider, WebhookSource } from '@chasqui/whatsapp'

import type { StatusWorkerConfig } from './config.ts'

/** Where each provider that passes Meta's webhooks on may post them, once it has a secret. */
const PATHS = {
  '360dialog': '/webhooks/360dialog',
  gupshup: '/webhooks/gupshup',
} as const satisfies Readonly<Record<Exclude<WebhookProvider, 'meta'>, string>>

const PASSING_ON = ['360dialog', 'gupshup'] as const

/** Path -> who posts there. A provider without a secret has none. */
export function webhookSources(
  config: Pick<StatusWorkerConfig, 'appSecrets' | 'passedOn'>,
): ReadonlyMap<string, WebhookSource> {
  const { header, secrets } = config.passedOn
  return new Map([
    ['/webhooks/whatsapp', metaSource(appSecrets(config.appSecrets))],
    ...PASSING_ON.filter((provider) => secrets[provider].length > 0).map((provider): [string, WebhookSource] => [
      PATHS[provider],
      passedOnSource(provider, header, secrets[provider]),
    ]),
  ])
}
