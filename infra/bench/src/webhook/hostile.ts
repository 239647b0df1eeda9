import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { APP_SECRET, PREFIX } from '../apps.ts'
import { below, type Random, seededRandom } from '../random.ts'
import { statusBodies } from '../statuses.ts'
import { signedRequest, WEBHOOK_PATH } from './signed-request.ts'

const HOST = '127.0.0.1'
/** Values no field of Meta's ever has. */
const ODD = [
  null,
  true,
  -1,
  1e308,
  '',
  '\u0000',
  '💥'.repeat(50),
  [],
  {},
  [[[]]],
  { constructor: 1 },
  '__proto__',
  2 ** 53,
] as const

type Maker = (random: Random, body: string) => Buffer

const signed = (body: string | Buffer): Buffer => signedRequest(body, APP_SECRET, HOST)

/** A genuine signature over something that is no webhook, or is one in part. */
const SIGNED: readonly Maker[] = [
  (random, body) => signed(cut(random, body)),
  (random, body) => signed(mutated(random, body)),
  (random) => signed(randomBytes(1 + below(random, 2_000))),
  (random) => signed(JSON.stringify(ODD[below(random, ODD.length)])),
  (random, body) => signed(withOddValues(random, body)),
  (random) => signed('['.repeat(1 + below(random, 5_000))),
  (random) => signed(deep(1 + below(random, 3_000))),
  (random, body) => signed(body.replace('"statuses":[', `"statuses":[${'{},'.repeat(below(random, 500))}`)),
  () => signed(''),
  (_random, body) => signed(`\uFEFF${body}`),
  (random, body) => signed(body.replace(/v1\.[^"]*/, `v1.${PREFIX}.${'x'.repeat(below(random, 80))}.zzzzzzzz.99`)),
]

/** What nobody may be told anything but no. */
const UNSIGNED: readonly Maker[] = [
  (_random, body) => signedRequest(body, 'another secret', HOST),
  (random, body) => tamper(signed(body), random),
  (_random, body) => raw(body, { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` }),
  (_random, body) => raw(body, {}),
  (random, body) => raw(body, { 'X-Hub-Signature-256': 'x'.repeat(below(random, 4_000)) }),
  (_random, body) => raw(body, { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}`, 'Content-Type': 'text/plain' }),
  (_random, body) =>
    raw(gzipSync(body), { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}`, 'Content-Encoding': 'gzip' }),
  (_random, body) => raw(body, { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}`, 'Content-Length': '99999999' }),
  (_random, body) => raw(body, { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}`, 'Content-Length': '-5' }),
  (random) => Buffer.concat([randomBytes(1 + below(random, 300)), Buffer.from('\r\n\r\n')]),
  (random) => raw('', { 'X-Filler': 'y'.repeat(10_000 + below(random, 20_000)) }),
  () =>
    Buffer.from(
      `GET ${WEBHOOK_PATH}?hub.mode=subscribe&hub.verify_token=%00&hub.challenge=%3Cb%3E HTTP/1.1\r\nHost: x\r\n\r\n`,
    ),
  () => Buffer.from(`DELETE ${WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\n\r\n`),
  () => Buffer.from('POST /../../etc/passwd HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'),
  (_random, body) =>
    Buffer.from(
      `POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n${body}`,
    ),
]

const ALL = [...SIGNED, ...UNSIGNED]

/** Requests of every kind there is, in random order, each of its own making. */
export function* hostileRequests(count: number, seed: number): Generator<Buffer> {
  const random = seededRandom(seed)
  const bodies = [
    ...statusBodies({
      environment: PREFIX,
      campaigns: [{ id: 'nobody', ordinals: Array.from({ length: 100 }, (_, ordinal) => ordinal) }],
      eventsPerBody: 1,
      seed,
    }),
  ]
  for (let made = 0; made < count; made += 1) {
    const make = ALL[below(random, ALL.length)]
    const body = bodies[below(random, bodies.length)] ?? ''
    if (make !== undefined) yield make(random, body)
  }
}

function raw(body: string | Buffer, headers: Readonly<Record<string, string>>): Buffer {
  const bytes = Buffer.from(body as string)
  const all = { Host: HOST, 'Content-Type': 'application/json', 'Content-Length': String(bytes.length), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${WEBHOOK_PATH} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes])
}

function cut(random: Random, body: string): string {
  return body.slice(0, below(random, body.length))
}

function mutated(random: Random, body: string): Buffer {
  const bytes = Buffer.from(body)
  for (let times = 1 + below(random, 8); times > 0; times -= 1) bytes[below(random, bytes.length)] = below(random, 256)
  return bytes
}

/** One byte of the body other than what was signed. */
function tamper(request: Buffer, random: Random): Buffer {
  const bodyAt = request.indexOf('\r\n\r\n') + 4
  const place = bodyAt + below(random, request.length - bodyAt)
  request[place] = (request[place] ?? 0) ^ 1
  return request
}

/** Valid JSON in which some values are of another kind than they should be. */
function withOddValues(random: Random, body: string): string {
  return JSON.stringify(JSON.parse(body), (key, value: unknown) =>
    key !== '' && random() < 0.15 ? structuredClone(ODD[below(random, ODD.length)]) : value,
  )
}

function deep(levels: number): string {
  return `{"entry":[{"changes":[{"value":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}]}]}`
}
