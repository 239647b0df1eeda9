/**
 * Country calling codes (ITU E.164) and how many digits a national number may have under each, for fixed and mobile
 * lines. Facts of the national numbering plans, checked against libphonenumber's metadata of 2026.
 * One row: the lengths, and every code that has exactly them.
 */
const PLANS: readonly (readonly [lengths: string, codes: string])[] = [
  ['4 5', '290'],
  ['4 5 6 7', '690'],
  ['4 7', '683'],
  ['4 5 6 7 8 9 10 11', '352'],
  ['4 5 6 7 8 9 10 11 12 13', '43'],
  ['5', '247 500 682'],
  ['5 6 7', '688'],
  ['5 6 7 10', '685'],
  ['5 6 7 8 9', '252'],
  ['5 6 7 8 9 10', '358'],
  ['5 6 7 8 9 10 11 12 13', '49'],
  ['5 6 8 9 10 11', '82'],
  ['5 7', '676 677 678'],
  ['5 8', '686'],
  ['6', '298 299 672 681 687'],
  ['6 7', '597'],
  ['6 7 8 9', '359'],
  ['6 7 8 9 10', '880 95'],
  ['6 7 8 9 10 11 12', '39'],
  ['6 7 8 10', '53'],
  ['6 7 9', '421'],
  ['6 7 10', '98'],
  ['6 8 9 10', '63'],
  ['6 9', '376 40 508'],
  ['7', '238 239 246 248 269 291 297 501 592 673 674 679 680 691 692 960'],
  ['7 8', '230 241 267 372 507 599 670 675 961 975'],
  ['7 8 9', '231 254 46 595 967'],
  ['7 8 9 10', '243 353'],
  ['7 8 9 10 11', '86'],
  ['7 8 9 10 11 12', '381 62 882'],
  ['7 9', '220 245 265 354 423 48'],
  [
    '8',
    '216 222 223 226 227 228 232 235 236 253 257 266 268 350 356 357 370 371 373 374 382 386 389 45 47 502 503 504 505 506 509 591 598 65 689 852 853 965 968 973 974 993',
  ],
  ['8 9', '213 224 250 258 264 32 355 36 377 385 387 51 593 66 855 962 963 970 971'],
  ['8 9 10', '20 60 64 856 964 976'],
  ['8 9 10 11', '886'],
  ['8 9 10 11 12', '883'],
  ['8 9 11 12', '972'],
  ['8 10', '378 57 850 977'],
  [
    '9',
    '211 212 218 221 233 237 240 242 244 249 251 255 256 260 261 262 27 33 34 351 375 380 41 420 56 590 594 596 61 870 881 93 94 966 992 994 995 996 998',
  ],
  ['9 10', '263 44 81 84 92'],
  ['9 11', '31'],
  ['10', '1 225 229 234 30 58 7 90 91'],
  // The eleventh digit is the mobile mark some still write: 9 in Argentina, 9 in Brazil (now obligatory), 1 in Mexico.
  ['10 11', '52 54 55'],
]

/** Where a national number may begin with 0; everywhere else a leading 0 is the trunk prefix of local habit. */
const KEEPS_ZERO = new Set([39, 225, 226, 229, 241, 242, 250, 378, 992])

/** What the first three digits of an E.164 number say. */
export type CallingCode = {
  readonly code: number
  /** Digits of `code`, 1 to 3. */
  readonly digits: number
  /** Bit n is set when national numbers of n digits exist. */
  readonly lengths: number
  readonly shortest: number
  readonly longest: number
  readonly keepsZero: boolean
}

const BY_PREFIX: (CallingCode | undefined)[] = Array.from({ length: 1000 })

for (const [lengths, codes] of PLANS) {
  const all = lengths.split(' ').map(Number)
  for (const text of codes.split(' ')) {
    const code = Number(text)
    const entry: CallingCode = {
      code,
      digits: text.length,
      lengths: all.reduce((mask, length) => mask | (1 << length), 0),
      shortest: Math.min(...all),
      longest: Math.max(...all),
      keepsZero: KEEPS_ZERO.has(code),
    }
    const span = 10 ** (3 - text.length)
    for (let prefix = code * span; prefix < (code + 1) * span; prefix++) BY_PREFIX[prefix] = entry
  }
}

/** The calling code that a number's first three digits (100–999) belong to. */
export function callingCodeOf(firstThreeDigits: number): CallingCode | undefined {
  return BY_PREFIX[firstThreeDigits]
}
