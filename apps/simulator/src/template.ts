import type { GraphError } from './graph-error.ts'
import { isObject } from './json.ts'
import type { JsonObject } from './json.ts'

/**
 * The `template` object of a send: name, language and the parameters for its placeholders. The endpoint knows which
 * parameter types exist and what each must hold; it does not know the templates' texts.
 */
export function checkTemplate(template: unknown): GraphError | null {
  if (template === undefined) return { code: 131008, details: 'Parameter template is required.' }
  if (!isObject(template)) return wrong('template', 'must be an object')
  const { name, language, components } = template
  if (name === undefined) return missing('template.name')
  if (typeof name !== 'string' || !NAME.test(name)) return wrong('template.name', 'must be 1 to 512 of a-z, 0-9 and _')
  return (
    unexpected(template, ['name', 'language', 'components'], 'template') ??
    checkLanguage(language) ??
    (components === undefined ? null : checkComponents(components, 'template.components'))
  )
}

const NAME = /^[a-z0-9_]{1,512}$/
const LANGUAGE = /^[a-z]{2,3}([_-][A-Z]{2})?$/
const COMPONENTS_MAX = 20
const PARAMETERS_MAX = 100
const CARDS_MAX = 10
const TEXT_MAX = 1024
/** Rules of the real endpoint for a text parameter. */
const FORBIDDEN_IN_TEXT = /[\n\r\t]| {5}/

function checkLanguage(language: unknown): GraphError | null {
  if (language === undefined) return missing('template.language')
  if (!isObject(language)) return wrong('template.language', 'must be an object')
  const { code, policy } = language
  if (code === undefined) return missing('template.language.code')
  if (typeof code !== 'string' || !LANGUAGE.test(code))
    return wrong('template.language.code', 'must be a language code such as pt_BR')
  if (policy !== undefined && policy !== 'deterministic')
    return wrong('template.language.policy', 'must be deterministic')
  return unexpected(language, ['code', 'policy'], 'template.language')
}

function checkComponents(components: unknown, path: string): GraphError | null {
  if (!Array.isArray(components) || components.length > COMPONENTS_MAX)
    return wrong(path, `must be an array of at most ${COMPONENTS_MAX}`)
  return firstOf(components, (component, index) => checkComponent(component, `${path}[${index}]`))
}

function checkComponent(component: unknown, path: string): GraphError | null {
  if (!isObject(component)) return wrong(path, 'must be an object')
  switch (component['type']) {
    case undefined:
      return missing(`${path}.type`)
    case 'header':
    case 'body':
    case 'limited_time_offer':
      return unexpected(component, ['type', 'parameters'], path) ?? checkParameters(component['parameters'], path)
    case 'button':
      return checkButton(component, path)
    case 'carousel':
      return unexpected(component, ['type', 'cards'], path) ?? checkCards(component['cards'], `${path}.cards`)
    default:
      return wrong(`${path}.type`, 'must be one of header, body, button, carousel, limited_time_offer')
  }
}

const BUTTONS: ReadonlySet<unknown> = new Set([
  'quick_reply',
  'url',
  'copy_code',
  'flow',
  'catalog',
  'mpm',
  'spm',
  'order_details',
  'voice_call',
])

function checkButton(button: JsonObject, path: string): GraphError | null {
  if (!BUTTONS.has(button['sub_type'])) return wrong(`${path}.sub_type`, 'must be a kind of button')
  // Both spellings stand in the provider's examples.
  if (!/^\d$/.test(String(button['index']))) return wrong(`${path}.index`, 'must be 0 to 9')
  return (
    unexpected(button, ['type', 'sub_type', 'index', 'parameters'], path) ?? checkParameters(button['parameters'], path)
  )
}

function checkCards(cards: unknown, path: string): GraphError | null {
  if (!Array.isArray(cards) || cards.length === 0 || cards.length > CARDS_MAX)
    return wrong(path, `must be an array of 1 to ${CARDS_MAX}`)
  return firstOf(cards, (card, index) => {
    const here = `${path}[${index}]`
    if (!isObject(card)) return wrong(here, 'must be an object')
    if (!Number.isInteger(card['card_index'])) return wrong(`${here}.card_index`, 'must be an integer')
    return (
      unexpected(card, ['card_index', 'components'], here) ?? checkComponents(card['components'], `${here}.components`)
    )
  })
}

function checkParameters(parameters: unknown, path: string): GraphError | null {
  if (parameters === undefined) return missing(`${path}.parameters`)
  if (!Array.isArray(parameters) || parameters.length > PARAMETERS_MAX)
    return wrong(`${path}.parameters`, `must be an array of at most ${PARAMETERS_MAX}`)
  return firstOf(parameters, (parameter, index) => checkParameter(parameter, `${path}.parameters[${index}]`))
}

/** Of each parameter type: the key that holds it, and what that may be. */
const PARAMETERS: Readonly<Record<string, (value: unknown) => boolean>> = {
  currency: (value) =>
    isObject(value) &&
    isText(value['fallback_value']) &&
    isText(value['code']) &&
    Number.isInteger(value['amount_1000']),
  date_time: (value) => isObject(value) && isText(value['fallback_value']),
  image: isMedia,
  video: isMedia,
  gif: isMedia,
  document: isMedia,
  location: (value) => isObject(value) && isText(value['latitude']) && isText(value['longitude']),
  payload: isText,
  coupon_code: isText,
  action: isObject,
  limited_time_offer: (value) => isObject(value) && Number.isInteger(value['expiration_time_ms']),
  product: (value) => isObject(value) && isText(value['product_retailer_id']),
}

function checkParameter(parameter: unknown, path: string): GraphError | null {
  if (!isObject(parameter)) return wrong(path, 'must be an object')
  const { type } = parameter
  if (type === undefined) return missing(`${path}.type`)
  if (type === 'text') return checkText(parameter, path)
  const holds = typeof type === 'string' && Object.hasOwn(PARAMETERS, type) ? PARAMETERS[type] : undefined
  if (holds === undefined || typeof type !== 'string') return wrong(`${path}.type`, 'must be a known parameter type')
  if (!holds(parameter[type]))
    return { code: 132012, details: `${path}.${type} does not hold what a parameter of its type must.` }
  return unexpected(parameter, ['type', type, 'parameter_name'], path)
}

function checkText(parameter: JsonObject, path: string): GraphError | null {
  const { text } = parameter
  if (text === undefined || text === '') return missing(`${path}.text`)
  if (typeof text !== 'string') return { code: 132012, details: `${path}.text must be a string.` }
  if (text.length > TEXT_MAX) return { code: 132005, details: `${path}.text is longer than ${TEXT_MAX} characters.` }
  if (FORBIDDEN_IN_TEXT.test(text)) {
    return {
      code: 132018,
      details: `${path}.text cannot have new-line/tab characters or more than 4 consecutive spaces.`,
    }
  }
  return unexpected(parameter, ['type', 'text', 'parameter_name'], path)
}

function isText(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number'
}

function isMedia(value: unknown): boolean {
  return (
    isObject(value) &&
    (isText(value['id']) || (typeof value['link'] === 'string' && /^https?:\/\//.test(value['link'])))
  )
}

function firstOf<T>(items: readonly T[], check: (item: T, index: number) => GraphError | null): GraphError | null {
  for (const [index, item] of items.entries()) {
    const error = check(item, index)
    if (error !== null) return error
  }
  return null
}

function unexpected(object: JsonObject, known: readonly string[], path: string): GraphError | null {
  for (const key in object) {
    if (!known.includes(key))
      return { code: 100, details: `Unexpected key ${JSON.stringify(key.slice(0, 100))} on param ${path}.` }
  }
  return null
}

function missing(path: string): GraphError {
  return { code: 131008, details: `Parameter ${path} is required.` }
}

function wrong(path: string, rule: string): GraphError {
  return { code: 100, details: `Param ${path} ${rule}.` }
}
