/** What the sample knows of a country: enough to write numbers its people could have, and their names as they write them. */
export interface Country {
  readonly code: string
  /** Of a hundred recipients. */
  readonly weight: number
  /** Beginnings of mobile numbers; drawn by the serial number, so every beginning occurs. */
  readonly prefixes: readonly [string, ...string[]]
  /** Digits after the prefix. */
  readonly digits: number
  /** How the national number is grouped. */
  readonly groups: readonly number[]
  readonly names: readonly [string, ...string[]]
  readonly cities: readonly [string, ...string[]]
  /** Its own digits, 0 to 9, which telephones there copy out. */
  readonly numerals?: string
  /** Another way to write the same person's number, without '+': an older form or a trunk zero. */
  readonly otherForm?: (national: string) => string
}

export const COUNTRIES: readonly [Country, ...Country[]] = [
  {
    code: '55',
    weight: 40,
    prefixes: ['1196', '1197', '2198', '2199', '3196', '4197', '5198', '6199', '7196', '8199'],
    digits: 7,
    groups: [2, 5, 4],
    names: [
      'Ana',
      'João',
      'Conceição',
      'Luís Otávio',
      'Thaís',
      'Antônia',
      'Zé',
      'Açucena',
      'Ana "Nina" Souza',
      'Oliveira, Beto',
    ],
    cities: ['São Paulo', 'Brasília', 'Maceió', 'Goiânia', 'Florianópolis'],
    // Before 2012 mobiles had eight digits; address books still have them so.
    otherForm: (national) => `55${national.slice(0, 2)}${national.slice(3)}`,
  },
  {
    code: '52',
    weight: 8,
    prefixes: ['55', '33', '81', '22'],
    digits: 8,
    groups: [2, 4, 4],
    names: ['María José', 'Íñigo', 'Guadalupe', 'Ángel', 'Nuria Peña'],
    cities: ['Ciudad de México', 'León', 'Querétaro'],
    // Until 2019 a mobile was dialled with a 1.
    otherForm: (national) => `521${national}`,
  },
  {
    code: '57',
    weight: 5,
    prefixes: ['300', '310', '315', '320'],
    digits: 7,
    groups: [3, 3, 4],
    names: ['Sofía', 'Andrés', 'Yesenia'],
    cities: ['Bogotá', 'Medellín'],
  },
  {
    code: '91',
    weight: 12,
    prefixes: ['98', '99', '70', '88'],
    digits: 8,
    groups: [5, 5],
    names: ['प्रिया', 'अमित', 'Ananya', 'சரண்யா', 'রহিম'],
    cities: ['मुंबई', 'Bengaluru', 'কলকাতা'],
    numerals: '०१२३४५६७८९',
  },
  {
    code: '62',
    weight: 8,
    prefixes: ['812', '813', '857'],
    digits: 8,
    groups: [3, 4, 4],
    names: ['Siti', 'Budi', 'Dewi'],
    cities: ['Jakarta', 'Surabaya'],
  },
  {
    code: '49',
    weight: 5,
    prefixes: ['1512', '1715', '1761'],
    digits: 7,
    groups: [4, 7],
    names: ['Jürgen', 'Käthe', 'Zoë', 'Großmann, Uwe'],
    cities: ['München', 'Köln', 'Düsseldorf'],
    otherForm: (national) => `49(0)${national}`,
  },
  {
    code: '44',
    weight: 4,
    prefixes: ['7400', '7700', '7911'],
    digits: 6,
    groups: [4, 6],
    names: ['Siân', "O'Connor", 'Zadie'],
    cities: ['London', 'Llanfairpwll'],
    otherForm: (national) => `44(0)${national}`,
  },
  {
    code: '20',
    weight: 4,
    prefixes: ['10', '11', '12'],
    digits: 8,
    groups: [2, 8],
    names: ['محمد', 'فاطمة', 'نورا'],
    cities: ['القاهرة', 'الإسكندرية'],
    numerals: '٠١٢٣٤٥٦٧٨٩',
  },
  {
    code: '81',
    weight: 3,
    prefixes: ['90', '80'],
    digits: 8,
    groups: [2, 4, 4],
    names: ['さくら', '健太', '𠮷田'],
    cities: ['東京', '大阪'],
    numerals: '0123456789',
  },
  {
    code: '82',
    weight: 3,
    prefixes: ['10'],
    digits: 8,
    groups: [2, 4, 4],
    names: ['지우', '민준'],
    cities: ['서울', '부산'],
  },
  {
    code: '30',
    weight: 2,
    prefixes: ['690', '694', '697'],
    digits: 7,
    groups: [3, 3, 4],
    names: ['Ελένη', 'Γιώργος'],
    cities: ['Αθήνα', 'Θεσσαλονίκη'],
  },
  {
    code: '66',
    weight: 2,
    prefixes: ['8', '9'],
    digits: 8,
    groups: [2, 3, 4],
    names: ['สมชาย', 'มะลิ'],
    cities: ['กรุงเทพฯ', 'เชียงใหม่'],
  },
  {
    code: '972',
    weight: 2,
    prefixes: ['50', '52', '54'],
    digits: 7,
    groups: [2, 3, 4],
    names: ['נועה', 'יוסף'],
    cities: ['תל אביב', 'חיפה'],
  },
  {
    code: '380',
    weight: 1,
    prefixes: ['50', '67'],
    digits: 7,
    groups: [2, 3, 4],
    names: ['Олена', 'Ївга'],
    cities: ['Київ', 'Львів'],
  },
  // Canada: of the same country code as the United States, whose numbers are refused.
  {
    code: '1',
    weight: 1,
    prefixes: ['416', '514'],
    digits: 7,
    groups: [3, 3, 4],
    names: ['Renée', 'José'],
    cities: ['Toronto', 'Montréal'],
  },
]

/** Primes that no power of ten shares a factor with: counting in their steps meets every number once before it repeats. */
const STEP = 7_368_787

/**
 * The nth mobile number of a country, without its code; all different until every prefix has used up its digits.
 *
 * @param offset where this file begins, so that two seeds share few numbers
 */
export function nationalNumber(country: Country, n: number, offset: number): string {
  const prefix = country.prefixes[n % country.prefixes.length] ?? country.prefixes[0]
  const turn = Math.floor(n / country.prefixes.length)
  // Digits of a subscriber begin with 2-9 where a 0 or 1 would be no number (+1); 8 parts of 10 are enough everywhere.
  const range = 8 * 10 ** (country.digits - 1)
  const rest = ((turn * STEP + offset) % range) + 2 * 10 ** (country.digits - 1)
  return prefix + String(rest)
}
