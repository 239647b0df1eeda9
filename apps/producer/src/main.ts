import { setFlagsFromString } from 'node:v8'

import { exitOnEnvironmentError, readSenders } from '@chasqui/runtime'

import { startProducer } from './producer.ts'
import { readSettings } from './settings.ts'

// Batches that wait for Redis outlive the young generation, so a long upload leaves its garbage in the old one, which V8
// by default lets grow by half and more before it looks. A fifth keeps the process some 70 MB smaller at the same speed.
setFlagsFromString('--heap-growing-percent=20')

try {
  const settings = readSettings(process.env)
  await startProducer(settings, readSenders(settings.SENDERS_FILE))
} catch (error) {
  exitOnEnvironmentError(error)
}
