// `npm run lockcheck`: whether package-lock.json can be installed anywhere, from nothing.
//
// npm drops platform packages it cannot fetch from the lock without a word, and `npm ci` fails on the next machine.

import { readFileSync } from 'node:fs'

/** @typedef {{ version?: string, link?: boolean, integrity?: string, optionalDependencies?: Record<string, string> }} Entry */

/** @type {{ packages: Record<string, Entry> }} */
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const entries = Object.entries(lock.packages)
const names = new Set(entries.map(([path]) => path.split('node_modules/').at(-1)))

const problems = entries.flatMap(([path, { link, integrity, optionalDependencies = {} }]) => {
  const missing = Object.keys(optionalDependencies).filter((name) => !names.has(name))
  const fetched = path.includes('node_modules/') && link !== true
  return [
    ...missing.map((name) => `${path || 'the root'}: its optional ${name} is not in the lock`),
    ...(fetched && integrity === undefined ? [`${path}: no integrity`] : []),
  ]
})

for (const problem of problems) console.log(problem)
console.log(problems.length === 0 ? `The lock is complete: ${entries.length} entries.` : `${problems.length} found.`)
process.exitCode = problems.length === 0 ? 0 : 1
