/**
 * Loaded into a send-worker with `--import`: writes down when each request was written to its socket, as undici tells, a
 * line of ms since 1970 each, into a file of this process in the folder CHAOS_DEPARTURES. Nothing of the product knows of this.
 */
import { subscribe } from 'node:diagnostics_channel'
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env['CHAOS_DEPARTURES']
if (folder === undefined) throw new Error('CHAOS_DEPARTURES is missing: the folder to write to')

const file = openSync(join(folder, String(process.pid)), 'a')
subscribe('undici:client:sendHeaders', () => writeSync(file, `${performance.timeOrigin + performance.now()}\n`))
