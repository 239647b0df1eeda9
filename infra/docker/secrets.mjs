// Makes the secrets that docker-compose.yml mounts: `node infra/docker/secrets.mjs`.
// What exists already is left alone, so running it again only adds what is missing. Plain JavaScript for Node 20,
// because it runs before anything is installed.

import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { join } from 'node:path'

const FOLDER = fileURLToPath(new URL('secrets/', import.meta.url))

const random = () => randomBytes(24).toString('base64url')
const sha256 = (/** @type {string} */ text) => createHash('sha256').update(text).digest('hex')

/**
 * What an app may do in Redis: its own keys and channels, no administration. `wait` and `time` are in no group that
 * fits; `config|get` and `info` are for the check of the settings at start.
 */
const APP_RIGHTS =
  '~chasqui:* &chasqui:* -@all +@read +@write +@scripting +@blocking +@connection +@transaction +@pubsub -@dangerous -@admin ' +
  '+info +config|get +time +wait -script|flush -client|kill -client|pause -select -swapdb -move -copy -function -fcall'
/**
 * What the health check and the exporter may do: look at the server as a whole. No key, no setting, nothing to write;
 * that much is not worth a secret on a network without a way out.
 */
const MONITOR_RIGHTS =
  '-@all +ping +info +select +client|setname +slowlog|get +slowlog|len +latency|latest +latency|histogram'

/**
 * @param {string} [folder] where to write
 * @returns {Promise<readonly string[]>} the names of the files that were made
 */
export async function makeSecrets(folder = FOLDER) {
  /** @type {string[]} */
  const made = []
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)

  /** @param {string} name @param {() => string | Promise<string>} make @returns {Promise<string>} */
  const secret = async (name, make) => {
    const path = join(folder, name)
    try {
      return (await readFile(path, 'utf8')).trim()
    } catch {
      const text = await make()
      await writeFile(path, `${text}\n`)
      // Readable by the container's user, whoever that is; the folder keeps everybody else on this machine out.
      await chmod(path, 0o444)
      made.push(name)
      return text
    }
  }

  const redis = await secret('redis-password', random)
  await secret('redis-url', () => `redis://chasqui:${redis}@redis:6379`)
  await secret('redis-users.acl', () =>
    [
      // Nobody can be `default`: it is off and has no password. It keeps its rights all the same, for Redis reads its own
      // append-only file as this user and silently leaves out every transaction that the user may not make.
      'user default off resetpass ~* &* +@all',
      `user monitor on nopass resetkeys resetchannels ${MONITOR_RIGHTS}`,
      `user chasqui on #${sha256(redis)} resetkeys resetchannels ${APP_RIGHTS}`,
    ].join('\n'),
  )

  // The producer knows only the hash; the key itself is for whoever calls it.
  const key = await secret('api-key', random)
  await secret('api-keys', () => `operator:${sha256(key)}`)
  await secret('webhook-verify-token', random)
  await secret('webhook-app-secrets', random)
  await secret('wa-token-br', () => 'put-the-access-token-here')
  await secret('grafana-admin-password', random)
  return made
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const made = await makeSecrets()
  console.log(
    made.length === 0 ? `Nothing to do: ${FOLDER} is complete.` : `Made in ${FOLDER}:\n  ${made.join('\n  ')}`,
  )
  console.log('wa-token-br and webhook-app-secrets must be those of your Meta app; with the simulator any value does.')
}
