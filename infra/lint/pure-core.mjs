// The two rules that keep packages/campaign and packages/delivery pure. oxlint loads this file (.oxlintrc.json, jsPlugins).
//
// The compiler holds most of it already: these packages compile with "types": [], so timers and node:* have no types there.
// What it cannot see is below.

const IMPORT_MESSAGE = (/** @type {string} */ name) =>
  `A core package imports nothing of the platform and nothing of ours, '${name}' is either. ` +
  'If it computes, move the computing here and hand in what it reads; if it reads or writes, it belongs into a shell (packages/store, queue, whatsapp, runtime).'

const CHANCE_MESSAGE = (/** @type {string} */ what) =>
  `${what} makes this function give another answer each time, so no test can pin it and no replay repeats it. ` +
  'Take it as an argument (`now: number`, `random: () => number`); the app hands in the real one.'

/** What each may import besides its own files: zod is pure itself. */
const ALLOWED = { campaign: ['zod'], delivery: [] }

const noPlatform = {
  meta: { type: 'problem', docs: { description: 'core packages import neither node:* nor shells nor libraries' } },
  /** @param {any} context */
  create(context) {
    const own = /packages\/(campaign|delivery)\//.exec(context.filename)?.[1]
    /** @type {readonly string[]} */
    const allowed = own === 'campaign' || own === 'delivery' ? ALLOWED[own] : []
    /** @param {any} node */
    const check = (node) => {
      const name = node.source?.value
      if (typeof name === 'string' && !/^\.{1,2}\//.test(name) && !allowed.includes(name)) {
        context.report({ node: node.source, message: IMPORT_MESSAGE(name) })
      }
    }
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    }
  },
}

const CLOCKS_AND_DICE = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'crypto.randomUUID',
  'crypto.getRandomValues',
])

const noClockOrChance = {
  meta: { type: 'problem', docs: { description: 'core packages read no clock and roll no dice' } },
  /** @param {any} context */
  create(context) {
    /** @param {any} node */
    const isDate = (node) => node.callee?.type === 'Identifier' && node.callee.name === 'Date'
    return {
      /** @param {any} node */
      MemberExpression(node) {
        if (node.object.type !== 'Identifier') return
        const property = node.computed ? node.property.value : node.property.name
        const name = `${node.object.name}.${property}`
        if (CLOCKS_AND_DICE.has(name)) context.report({ node, message: CHANCE_MESSAGE(name) })
      },
      /** @param {any} node */
      NewExpression(node) {
        if (isDate(node) && node.arguments.length === 0) context.report({ node, message: CHANCE_MESSAGE('new Date()') })
      },
      /** @param {any} node */
      CallExpression(node) {
        if (isDate(node)) context.report({ node, message: CHANCE_MESSAGE('Date()') })
      },
    }
  },
}

export default {
  meta: { name: 'pure-core' },
  rules: { 'no-platform': noPlatform, 'no-clock-or-chance': noClockOrChance },
}
