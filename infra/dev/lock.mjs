// One process at a time, between processes that share a folder. Plain JavaScript for Node 20: it runs before anything is installed.

import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A lock nobody can hold on purpose for so long: the slowest holder, a first `npm ci` on a slow line, takes minutes. */
const STALE_AFTER_MS = 20 * 60_000

/**
 * Runs `work` while holding the lock file `path`, after waiting for whoever holds it now.
 *
 * A holder that died is noticed by its process id. Two waiters may notice at once; so the work itself must also be
 * safe to do twice (a rename into place, an idempotent install). The lock saves time, it does not carry correctness.
 *
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {{ onWait?: () => void, staleAfterMs?: number }} [options] `onWait` is called once when somebody else holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(path, work, { onWait, staleAfterMs = STALE_AFTER_MS } = {}) {
  await mkdir(dirname(path), { recursive: true })
  let waited = false
  while (!(await take(path))) {
    if (await isStale(path, staleAfterMs)) {
      await discard(path)
      continue
    }
    if (!waited) onWait?.()
    waited = true
    await sleep(100)
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

/** @param {string} path */
async function take(path) {
  try {
    const file = await open(path, 'wx')
    await file.write(String(process.pid))
    await file.close()
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    throw error
  }
}

/**
 * @param {string} path
 * @param {number} staleAfterMs
 */
async function isStale(path, staleAfterMs) {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    const ageMs = Date.now() - mtimeMs
    if (ageMs > staleAfterMs) return true
    // An empty file is a holder between creating it and writing its id; it gets a second.
    return text === '' ? ageMs > 1000 : !isAlive(Number(text))
  } catch {
    return false
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}

/**
 * Renamed first, so that of two that discard the same stale file only one succeeds.
 * @param {string} path
 */
async function discard(path) {
  const away = `${path}.${process.pid}.${Date.now()}`
  try {
    await rename(path, away)
    await rm(away, { force: true })
  } catch {
    // The other one was faster.
  }
}
