/**
 * Which country a telephone number belongs to, for prices go by the recipient's country. From the ITU's list of country
 * codes (E.164 Annex) and, under +1 and +7, the numbering plans that countries share.
 */

/** Calling code and the country that has it; where territories share one, the country that most of its numbers are of. */
const COUNTRIES =
  '7 RU 20 EG 27 ZA 30 GR 31 NL 32 BE 33 FR 34 ES 36 HU 39 IT 40 RO 41 CH 43 AT 44 GB 45 DK 46 SE 47 NO 48 PL 49 DE ' +
  '51 PE 52 MX 53 CU 54 AR 55 BR 56 CL 57 CO 58 VE 60 MY 61 AU 62 ID 63 PH 64 NZ 65 SG 66 TH 81 JP 82 KR 84 VN 86 CN ' +
  '90 TR 91 IN 92 PK 93 AF 94 LK 95 MM 98 IR 211 SS 212 MA 213 DZ 216 TN 218 LY 220 GM 221 SN 222 MR 223 ML 224 GN ' +
  '225 CI 226 BF 227 NE 228 TG 229 BJ 230 MU 231 LR 232 SL 233 GH 234 NG 235 TD 236 CF 237 CM 238 CV 239 ST 240 GQ ' +
  '241 GA 242 CG 243 CD 244 AO 245 GW 246 IO 247 AC 248 SC 249 SD 250 RW 251 ET 252 SO 253 DJ 254 KE 255 TZ 256 UG ' +
  '257 BI 258 MZ 260 ZM 261 MG 262 RE 263 ZW 264 NA 265 MW 266 LS 267 BW 268 SZ 269 KM 290 SH 291 ER 297 AW 298 FO ' +
  '299 GL 350 GI 351 PT 352 LU 353 IE 354 IS 355 AL 356 MT 357 CY 358 FI 359 BG 370 LT 371 LV 372 EE 373 MD 374 AM ' +
  '375 BY 376 AD 377 MC 378 SM 380 UA 381 RS 382 ME 383 XK 385 HR 386 SI 387 BA 389 MK 420 CZ 421 SK 423 LI 500 FK ' +
  '501 BZ 502 GT 503 SV 504 HN 505 NI 506 CR 507 PA 508 PM 509 HT 590 GP 591 BO 592 GY 593 EC 594 GF 595 PY 596 MQ ' +
  '597 SR 598 UY 599 CW 670 TL 672 NF 673 BN 674 NR 675 PG 676 TO 677 SB 678 VU 679 FJ 680 PW 681 WF 682 CK 683 NU ' +
  '685 WS 686 KI 687 NC 688 TV 689 PF 690 TK 691 FM 692 MH 850 KP 852 HK 853 MO 855 KH 856 LA 880 BD 886 TW 960 MV ' +
  '961 LB 962 JO 963 SY 964 IQ 965 KW 966 SA 967 YE 968 OM 970 PS 971 AE 972 IL 973 BH 974 QA 975 BT 976 MN 977 NP ' +
  '992 TJ 993 TM 994 AZ 995 GE 996 KG 998 UZ'

/** Area codes of +1 that are not the United States'. */
const AREAS: readonly (readonly [country: string, areas: string])[] = [
  [
    'CA',
    '204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 514 519 537 548 568 579 581 584 587 604 613 639 647 ' +
      '672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942',
  ],
  ['AG', '268'],
  ['AI', '264'],
  ['AS', '684'],
  ['BB', '246'],
  ['BM', '441'],
  ['BS', '242'],
  ['DM', '767'],
  ['DO', '809 829 849'],
  ['GD', '473'],
  ['GU', '671'],
  ['JM', '658 876'],
  ['KN', '869'],
  ['KY', '345'],
  ['LC', '758'],
  ['MP', '670'],
  ['MS', '664'],
  ['PR', '787 939'],
  ['SX', '721'],
  ['TC', '649'],
  ['TT', '868'],
  ['VC', '784'],
  ['VG', '284'],
  ['VI', '340'],
]

const BY_CODE = new Map<number, string>()
const BY_AREA = new Map<number, string>()
/** Country -> its calling code. */
const CODE_OF = new Map<string, number>([
  ['US', 1],
  ['KZ', 7],
])

for (const [, code = '', country = ''] of COUNTRIES.matchAll(/(\d+) ([A-Z]{2})/g)) {
  BY_CODE.set(Number(code), country)
  CODE_OF.set(country, Number(code))
}
for (const [country, areas] of AREAS) {
  CODE_OF.set(country, 1)
  for (const area of areas.split(' ')) BY_AREA.set(Number(area), country)
}

/**
 * The ISO 3166 code of a number's country; `null` where no country has it (satellites, numbers that cannot be).
 *
 * @param digits E.164 without '+'.
 */
export function countryOf(digits: string): string | null {
  if (!/^[1-9]\d{6,14}$/.test(digits)) return null
  if (digits.startsWith('1')) return digits.length === 11 ? (BY_AREA.get(Number(digits.slice(1, 4))) ?? 'US') : null
  // Kazakhstan has the 6s and 7s of Russia's plan.
  if (digits.startsWith('7')) return digits[1] === '6' || digits[1] === '7' ? 'KZ' : 'RU'
  return BY_CODE.get(Number(digits.slice(0, 2))) ?? BY_CODE.get(Number(digits.slice(0, 3))) ?? null
}

/** The calling code of a country; `null` when there is no such country. */
export function callingCodeOfCountry(country: string): number | null {
  return CODE_OF.get(country) ?? null
}
