import { startProducer } from './producer.ts'
import { readSettings } from './settings.ts'
import { exitOnEnvironmentError, readSenders } from '@chasqui/runtime'

try {
  const settings = readSettings(process.env)
  await startProducer(settings, readSenders(settings.SENDERS_FILE))
} catch (error) {
  exitOnEnvironmentError(error)
}
