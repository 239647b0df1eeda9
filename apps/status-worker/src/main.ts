import { createLogger, exitOnEnvironmentError, onShutdown } from '@chasqui/runtime'

import { startStatusWorker } from './app.ts'
import { runCommand } from './commands/command.ts'
import { processOut } from './commands/out.ts'
import { readConfig } from './config.ts'

const args = process.argv.slice(2)
if (args.length > 0) process.exitCode = await runCommand(args, process.env, processOut()).catch(exitOnEnvironmentError)
else await serve()

async function serve(): Promise<void> {
  const config = configOrExit()
  const logger = createLogger({ name: 'status-worker', level: config.logLevel })
  const worker = await startStatusWorker(config, logger)
  onShutdown({ logger, steps: worker.steps, deadlineMs: 20_000 })
  logger.info({ port: worker.port, metricsPort: worker.metricsPort }, 'ready')
}

function configOrExit(): ReturnType<typeof readConfig> {
  try {
    return readConfig(process.env)
  } catch (error) {
    exitOnEnvironmentError(error)
  }
}
