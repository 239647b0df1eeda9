import { createLogger, exitOnEnvironmentError, onShutdown } from '@chasqui/runtime'

import { startSendWorker } from './app.ts'
import { readConfig } from './config.ts'
import type { SendWorkerConfig } from './config.ts'

let config: SendWorkerConfig
try {
  config = readConfig(process.env)
} catch (error) {
  exitOnEnvironmentError(error)
}

const logger = createLogger({ name: 'send-worker', level: config.logLevel })
const worker = await startSendWorker(config, logger)
onShutdown({ logger, steps: worker.steps, deadlineMs: 9_500 })
logger.info(
  { metricsPort: worker.metricsPort, senders: config.senders.map(({ id }) => id), concurrency: config.concurrency },
  'ready',
)
