// Whether node_modules is what the lock file says. Plain JavaScript for Node 20, no dependency.

/** @typedef {{ version?: string, resolved?: string, link?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean }} Entry */
/** @typedef {{ packages?: Record<string, Entry> }} LockFile */

/**
 * How many packages differ between `package-lock.json` and the `node_modules/.package-lock.json` npm leaves behind.
 *
 * An optional package may be missing (another platform's binary), in another version it may not.
 *
 * @param {LockFile} lock
 * @param {LockFile} installed
 */
export function differences(lock, installed) {
  const wanted = Object.entries(lock.packages ?? {}).filter(([path]) => path !== '')
  const present = installed.packages ?? {}
  const missing = wanted.filter(([path, entry]) => !matches(entry, present[path]))
  const extra = Object.keys(present).filter((path) => !(path in (lock.packages ?? {})))
  return missing.length + extra.length
}

/**
 * @param {Entry} wanted
 * @param {Entry | undefined} present
 */
function matches(wanted, present) {
  if (present === undefined) return wanted.optional === true || wanted.devOptional === true
  return wanted.version === present.version && wanted.link === present.link
}
