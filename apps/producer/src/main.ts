import { setFlagsFromString } from 'node:v8'

import { exitOnEnvironmentError, readSenders } from '@chasqui/runtime'

import { startProducer } from './producer.ts'
import { readSettings } from './settings.ts'

// Batches that wait for Redis outlive the young generation, so a long upload leaves its garbage in the old one, which V8
// by default lets grow without much of a look: 320 MB were seen. At 60 % two million recipients were taken in 213 MB at the
// default's speed; at 20 % in 207 MB, but a third of the time went into collecting.
setFlagsFromString('--heap-growing-percent=60')

try {
  const settings = readSettings(process.env)
  await startProducer(settings, readSenders(settings.SENDERS_FILE))
} catch (error) {
  exitOnEnvironmentError(error)
}
