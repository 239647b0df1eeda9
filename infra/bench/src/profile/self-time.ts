/** The parts of V8's CPU profile (`node --cpu-prof`) that say where time went. */
export type CpuProfile = {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  /** The node that was running at each sample. */
  readonly samples?: readonly number[]
  /** Microseconds since the previous sample. */
  readonly timeDeltas?: readonly number[]
}

export type SelfTime = {
  /** `name file:line`; V8's own are in brackets: `(garbage collector)`, `(program)` for native code. */
  readonly where: string
  /** Share of the time the process was not idle. */
  readonly share: number
}

/** The functions whose own code took most of the busy time, largest first. Idle time is left out of the whole. */
export function topSelfTimes({ nodes, samples = [], timeDeltas = [] }: CpuProfile, most: number): SelfTime[] {
  const labels = new Map(nodes.map((node) => [node.id, label(node.callFrame)]))
  const selfUs = new Map<string, number>()
  let busyUs = 0
  for (const [index, id] of samples.entries()) {
    const where = labels.get(id) ?? '(unknown)'
    const spentUs = timeDeltas[index] ?? 0
    if (where === '(idle)') continue
    busyUs += spentUs
    selfUs.set(where, (selfUs.get(where) ?? 0) + spentUs)
  }
  return [...selfUs]
    .map(([where, us]) => ({ where, share: us / busyUs }))
    .toSorted((a, b) => b.share - a.share)
    .slice(0, most)
}

function label({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${shortened(url)}:${lineNumber + 1}`
}

/** From the package on: `undici/lib/dispatcher/client-h1.js`, `apps/send-worker/src/main.ts`. */
function shortened(url: string): string {
  return url.replace(/^.*\/node_modules\//, '').replace(/^.*\/(?=(?:apps|packages|infra)\/)/, '')
}
