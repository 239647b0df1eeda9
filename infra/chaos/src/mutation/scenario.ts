import { availableParallelism } from 'node:os'

import type { Result, Run, Scenario } from '../scenario.ts'
import { MUTATIONS } from './guards.ts'
import type { Mutation } from './guards.ts'
import { runKiller } from './killer.ts'
import type { Killer } from './killer.ts'
import { MutableTree } from './tree.ts'

type Report = { readonly violations: string[]; noticed: number }

/** Takes one guard after the other out of a copy of the sources; each time something must fail that passes with it. */
async function run({ say }: Run): Promise<Result> {
  const killers = new Map(MUTATIONS.map(({ killer }) => [killer.args.join(' '), killer]))
  const report: Report = { violations: [], noticed: 0 }
  const jobs = [
    ...[...killers.values()].map((killer) => async (tree: MutableTree) => await checkWhole(tree, killer, report)),
    ...MUTATIONS.map((mutation) => async (tree: MutableTree) => await checkMutation(tree, mutation, report, say)),
  ]
  const lanes = Math.min(2, availableParallelism())
  await Promise.all(Array.from({ length: lanes }, async () => await work(jobs)))
  const guards = new Set(MUTATIONS.map(({ guard }) => guard)).size
  return {
    figures: { guards, mutations: MUTATIONS.length, noticed: report.noticed },
    violations: report.violations,
  }
}

/** Each lane has a tree of its own. */
async function work(jobs: Array<(tree: MutableTree) => Promise<void>>): Promise<void> {
  const tree = await MutableTree.copy()
  try {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job(tree)
  } finally {
    await tree.remove()
  }
}

/** What fails anyway shows nothing. */
async function checkWhole(tree: MutableTree, killer: Killer, { violations }: Report): Promise<void> {
  const verdict = await runKiller(tree.folder, killer)
  if (verdict.kind !== 'passed') {
    const what = verdict.kind === 'failed' ? verdict.what : 'it broke off'
    violations.push(`${killer.name} fails with every guard in its place: ${what}`)
  }
}

async function checkMutation(tree: MutableTree, mutation: Mutation, report: Report, say: Run['say']): Promise<void> {
  const { guard, where, killer } = mutation
  const putBack = await tree.takeOut(mutation).catch((error: unknown) => String(error))
  if (typeof putBack === 'string') {
    report.violations.push(putBack)
    return
  }
  const verdict = await runKiller(tree.folder, killer)
  await putBack()
  const name = `${guard} (${where})`
  if (verdict.kind === 'failed') {
    report.noticed += 1
    say(`${name.padEnd(78)} → ${killer.name}: ${verdict.what}`)
    return
  }
  const why = verdict.kind === 'passed' ? 'nobody notices that it is gone' : `${killer.name} broke off`
  report.violations.push(`${why}: ${name}`)
  say(`${name.padEnd(78)} → ${why.toUpperCase()}`)
}

export const mutation: Scenario = {
  name: 'mutation',
  shows: 'each guard of the send path taken out of a copy of the sources: a test or a law must fail',
  long: true,
  alone: true,
  run,
}
