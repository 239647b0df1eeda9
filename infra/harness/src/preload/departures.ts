/**
 * Loaded into a send-worker with `--import`: writes down when each request was written to its socket, as undici tells,
 * into a file of this process in the folder DEPARTURES_FOLDER: a line each, ns by the machine's monotonic clock, which no
 * wrong clock touches, and the message's callback data. Nothing of the product knows of this.
 */
import { subscribe } from 'node:diagnostics_channel'
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env['DEPARTURES_FOLDER']
if (folder === undefined) throw new Error('DEPARTURES_FOLDER is missing: the folder to write to')

const file = openSync(join(folder, String(process.pid)), 'a')
const CALLBACK = '"biz_opaque_callback_data":"'

subscribe('undici:client:sendHeaders', (message) => {
  const at = process.hrtime.bigint()
  const body = String((message as { readonly request: { readonly body?: unknown } }).request.body)
  const from = body.indexOf(CALLBACK)
  const begin = from + CALLBACK.length
  const callbackData = from < 0 ? '' : body.slice(begin, body.indexOf('"', begin))
  writeSync(file, `${at} ${callbackData}\n`)
})
