import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 50

/** Looks again and again until it is so. Throws, telling what was seen last, when that does not come. */
export async function until<Seen>(
  patienceMs: number,
  look: () => Promise<Seen>,
  isSo: (seen: Seen) => boolean,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (let seen = await look(); !isSo(seen); seen = await look()) {
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s and saw ${JSON.stringify(seen)}`)
    await sleep(LOOK_EVERY_MS)
  }
}
