/**
 * Message ids in the form of the real ones: base64 of a few framing bytes, the recipient's digits and 18 hex digits.
 * Those name the run of the simulator and the request's place in its ledger, so an id needs no room to be remembered,
 * no two requests ever share one, and a reset makes all earlier ones strangers.
 */
export function wamidOf(run: number, request: number, phone: number): string {
  const digits = String(phone)
  const unique = (run >>> 0).toString(16).padStart(8, '0') + request.toString(16).padStart(10, '0')
  const bytes = Buffer.from(
    `\x1c\x18${String.fromCharCode(digits.length)}${digits}\x15\x02\x00\x11\x18\x12${unique.toUpperCase()}\x00`,
    'latin1',
  )
  return `wamid.${bytes.toString('base64')}`
}

/** The place in the ledger, or `null` for an id of another run or of somebody else. */
export function requestOf(run: number, wamid: string): number | null {
  const text = Buffer.from(wamid.slice('wamid.'.length), 'base64').toString('latin1')
  const match = /\x18\x12([0-9A-F]{8})([0-9A-F]{10})\x00$/.exec(text)
  if (!wamid.startsWith('wamid.') || match === null) return null
  return Number.parseInt(match[1] ?? '', 16) === run >>> 0 ? Number.parseInt(match[2] ?? '', 16) : null
}
