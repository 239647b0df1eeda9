import { createLogger, exitOnEnvironmentError, onShutdown } from '@chasqui/runtime'

import { startStatusWorker } from './app.ts'
import { readConfig } from './config.ts'
import type { StatusWorkerConfig } from './config.ts'

let config: StatusWorkerConfig
try {
  config = readConfig(process.env)
} catch (error) {
  exitOnEnvironmentError(error)
}

const logger = createLogger({ name: 'status-worker', level: config.logLevel })
const worker = await startStatusWorker(config, logger)
onShutdown({ logger, steps: worker.steps, deadlineMs: 20_000 })
logger.info({ port: worker.port, metricsPort: worker.metricsPort }, 'ready')
