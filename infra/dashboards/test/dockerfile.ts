import { read } from './repository.ts'

export type Instruction = { readonly name: string; readonly text: string }
export type Stage = { readonly name: string; readonly from: string; readonly instructions: readonly Instruction[] }
/** A COPY: `from` is a stage, or null for the build context. */
export type Copy = { readonly from: string | null; readonly sources: readonly string[]; readonly target: string }

export const DOCKERFILE = 'infra/docker/Dockerfile'

/** The stages of our Dockerfile. No heredocs, no shell form of COPY: as much of the format as we use. */
export async function readStages(): Promise<readonly Stage[]> {
  const lines = (await read(DOCKERFILE)).replaceAll(/\\\n\s*/g, ' ').split('\n')
  const stages: { name: string; from: string; instructions: Instruction[] }[] = []
  for (const line of lines) {
    const [, name, text] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? []
    if (name === undefined || text === undefined) continue
    if (name === 'FROM') {
      const [, from = '', stage = ''] = /^(\S+) AS (\S+)$/.exec(text) ?? []
      stages.push({ name: stage, from, instructions: [] })
    } else {
      stages.at(-1)?.instructions.push({ name, text })
    }
  }
  return stages
}

export function stageNamed(stages: readonly Stage[], name: string): Stage {
  const stage = stages.find((candidate) => candidate.name === name)
  if (stage === undefined) throw new Error(`${DOCKERFILE} has no target ${name}`)
  return stage
}

/** A stage and those it is built upon, the lowest first. */
export function lineage(stages: readonly Stage[], name: string): readonly Stage[] {
  const stage = stageNamed(stages, name)
  return [...(stages.some((other) => other.name === stage.from) ? lineage(stages, stage.from) : []), stage]
}

export function copiesOf(stage: Stage): readonly Copy[] {
  return stage.instructions
    .filter(({ name }) => name === 'COPY')
    .map(({ text }) => {
      const words = text.split(/\s+/)
      const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length) ?? null
      const paths = words.filter((word) => !word.startsWith('--'))
      return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' }
    })
}

/** The variables a stage and those below it set. */
export function variablesOf(stages: readonly Stage[], name: string): ReadonlyMap<string, string> {
  const env = lineage(stages, name).flatMap(({ instructions }) =>
    instructions.filter((instruction) => instruction.name === 'ENV'),
  )
  return new Map(
    env.flatMap(({ text }) =>
      [...text.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map(
        ([, key = '', quoted, bare]) => [key, quoted ?? bare ?? ''] as const,
      ),
    ),
  )
}

/** What .dockerignore keeps from the builder: the last pattern that speaks of a path, or of a folder above it, decides. */
export async function readIgnored(): Promise<(path: string) => boolean> {
  const rules = (await read('.dockerignore'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ ignored: !line.startsWith('!'), pattern: patternOf(line.replace(/^!/, '')) }))
  return (path) => {
    const parts = path.split('/')
    const chain = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
    return rules.reduce(
      (ignored, rule) => (chain.some((step) => rule.pattern.test(step)) ? rule.ignored : ignored),
      false,
    )
  }
}

function patternOf(glob: string): RegExp {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('**/', '\u0000')
    .replaceAll('*', '[^/]*')
    .replaceAll('\u0000', '(?:.*/)?')
  return new RegExp(`^${source}$`)
}
