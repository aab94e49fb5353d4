/**
 * National language tables of the GSM 7-bit alphabet: which character each septet stands for.
 *
 * A locking shift table takes the place of the default alphabet, a single shift table that of its
 * extension; the header of every part names them (3GPP TS 23.040, 9.2.3.24.15 and 16). Rows hold 16
 * septets: a character as it is, two hexadecimal digits for one of the script's block, four for
 * another, `..` for none.
 *
 * Source: 3GPP TS 23.038 (Release 18), 6.2.1.2.4 (identifiers), Annex A.2 (single shift), A.3
 * (locking shift). Two misprints of it are mended, as phones do: Kannada 0x24 is U+0CA1 (A.3.7
 * prints U+0CAA, which also stands at 0x3D), and Telugu has its own digits at 0x22 and 0x23.
 */

interface Language {
  /** National language identifier. */
  readonly id: number;
  /** ISO 639-1, as the configuration names it. */
  readonly code: string;
  /** Where the script's characters begin. */
  readonly block: number;
  /** Absent: there is none (Spanish). */
  readonly locking?: string;
  /** Pairs of septet and character; for the Indic scripts and Urdu see INDIC_OWN. */
  readonly single: string;
}

/** What the single shift tables of the Indic scripts and of Urdu have in common. */
const INDIC_SINGLE = `
  @ £ $ ¥ ¿ " ¤ % & ' FF * + .. - /
  < = > ¡ ^ ¡ _ # * .. .. .. .. .. .. ..
  .. .. .. .. .. .. .. .. { } .. .. .. .. .. \\
  .. .. .. .. .. .. .. .. .. .. .. .. [ ~ ] ..
  | A B C D E F G H I J K L M N O
  P Q R S T U V W X Y Z .. .. .. .. ..
  .. .. .. .. .. € .. .. .. .. .. .. .. .. .. ..
  .. .. .. .. .. .. .. .. .. .. .. .. .. .. .. ..`;
/** Their other septets, in the order in which `single` lists what each has there. */
const INDIC_OWN: readonly number[] = [
  ...[0x19, 0x1a, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27],
  ...[0x2a, 0x2b, 0x2c, 0x2d, 0x2e],
  ...[0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3f],
];

const LANGUAGES: readonly Language[] = [
  {
    ...{ id: 1, code: "tr", block: 0 },
    locking: `
      @ £ $ ¥ € é ù ı ò Ç LF Ğ ğ CR Å å
      Δ _ Φ Γ Λ Ω Π Ψ Σ Θ Ξ .. Ş ş ß É
      SP ! " # ¤ % & ' ( ) * + , - . /
      0 1 2 3 4 5 6 7 8 9 : ; < = > ?
      İ A B C D E F G H I J K L M N O
      P Q R S T U V W X Y Z Ä Ö Ñ Ü §
      ç a b c d e f g h i j k l m n o
      p q r s t u v w x y z ä ö ñ ü à`,
    single: `0a FF 14 ^ 28 { 29 } 2f \\ 3c [ 3d ~ 3e ] 40 | 47 Ğ 49 İ 53 Ş 63 ç 65 € 67 ğ 69 ı
      73 ş`,
  },
  {
    ...{ id: 2, code: "es", block: 0 },
    single: `09 ç 0a FF 14 ^ 28 { 29 } 2f \\ 3c [ 3d ~ 3e ] 40 | 41 Á 49 Í 4f Ó 55 Ú 61 á 65 €
      69 í 6f ó 75 ú`,
  },
  {
    ...{ id: 3, code: "pt", block: 0 },
    locking: `
      @ £ $ ¥ ê é ú í ó ç LF Ô ô CR Á á
      Δ _ ª Ç À ∞ ^ \\ € Ó | .. Â â Ê É
      SP ! " # º % & ' ( ) * + , - . /
      0 1 2 3 4 5 6 7 8 9 : ; < = > ?
      Í A B C D E F G H I J K L M N O
      P Q R S T U V W X Y Z Ã Õ Ú Ü §
      ~ a b c d e f g h i j k l m n o
      p q r s t u v w x y z ã õ \` ü à`,
    single: `05 ê 09 ç 0a FF 0b Ô 0c ô 0e Á 0f á 12 Φ 13 Γ 14 ^ 15 Ω 16 Π 17 Ψ 18 Σ 19 Θ 1f Ê 28 {
      29 } 2f \\ 3c [ 3d ~ 3e ] 40 | 41 À 49 Í 4f Ó 55 Ú 5b Ã 5c Õ 61 Â 65 € 69 í 6f ó 75 ú 7b ã
      7c õ 7f â`,
  },
  {
    ...{ id: 4, code: "bn", block: 0x0980 },
    locking: `
      01 02 03 05 06 07 08 09 0a 0b LF 0c .. CR .. 0f
      10 .. .. 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; .. 2a 2b ?
      2c 2d 2e 2f 30 .. 32 .. .. .. 36 37 38 39 3c 3d
      3e 3f 40 41 42 43 44 .. .. 47 48 .. .. 4b 4c 4d
      4e a b c d e f g h i j k l m n o
      p q r s t u v w x y z 57 5c 5d 70 71`,
    single: "66 67 68 69 6a 6b 6c 6d 6e 6f 5f 60 61 62 63 72 73 74 75 76 77 78 79 7a",
  },
  {
    ...{ id: 5, code: "gu", block: 0x0a80 },
    locking: `
      01 02 03 05 06 07 08 09 0a 0b LF 0c 0d CR .. 0f
      10 11 .. 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; .. 2a 2b ?
      2c 2d 2e 2f 30 .. 32 33 .. 35 36 37 38 39 3c 3d
      3e 3f 40 41 42 43 44 45 .. 47 48 49 .. 4b 4c 4d
      50 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 60 61 62 63 71`,
    single: "0964 0965 66 67 68 69 6a 6b 6c 6d 6e 6f",
  },
  {
    ...{ id: 6, code: "hi", block: 0x0900 },
    locking: `
      01 02 03 05 06 07 08 09 0a 0b LF 0c 0d CR 0e 0f
      10 11 12 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; 29 2a 2b ?
      2c 2d 2e 2f 30 31 32 33 34 35 36 37 38 39 3c 3d
      3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d
      50 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 72 7b 7c 7e 7f`,
    single: `64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 51 52 53 54 58 59 5a 5b 5c 5d 5e 5f 60 61 62 63 70
      71`,
  },
  {
    ...{ id: 7, code: "kn", block: 0x0c80 },
    locking: `
      .. 02 03 05 06 07 08 09 0a 0b LF 0c .. CR 0e 0f
      10 .. 12 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; .. 2a 2b ?
      2c 2d 2e 2f 30 31 32 33 .. 35 36 37 38 39 3c 3d
      3e 3f 40 41 42 43 44 .. 46 47 48 .. 4a 4b 4c 4d
      55 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 56 60 61 62 63`,
    single: "0964 0965 66 67 68 69 6a 6b 6c 6d 6e 6f 5e 71 72",
  },
  {
    ...{ id: 8, code: "ml", block: 0x0d00 },
    locking: `
      .. 02 03 05 06 07 08 09 0a 0b LF 0c .. CR 0e 0f
      10 .. 12 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; .. 2a 2b ?
      2c 2d 2e 2f 30 31 32 33 34 35 36 37 38 39 .. 3d
      3e 3f 40 41 42 43 44 .. 46 47 48 .. 4a 4b 4c 4d
      57 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 60 61 62 63 79`,
    single: "0964 0965 66 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 73 74 75 7a 7b 7c 7d 7e 7f",
  },
  {
    ...{ id: 9, code: "or", block: 0x0b00 },
    locking: `
      01 02 03 05 06 07 08 09 0a 0b LF 0c .. CR .. 0f
      10 .. .. 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; .. 2a 2b ?
      2c 2d 2e 2f 30 .. 32 33 .. 35 36 37 38 39 3c 3d
      3e 3f 40 41 42 43 44 .. .. 47 48 .. .. 4b 4c 4d
      56 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 57 60 61 62 63`,
    single: "0964 0965 66 67 68 69 6a 6b 6c 6d 6e 6f 5c 5d 5f 70 71",
  },
  {
    ...{ id: 10, code: "pa", block: 0x0a00 },
    locking: `
      01 02 03 05 06 07 08 09 0a .. LF .. .. CR .. 0f
      10 .. .. 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; .. 2a 2b ?
      2c 2d 2e 2f 30 .. 32 33 .. 35 36 .. 38 39 3c ..
      3e 3f 40 41 42 .. .. .. .. 47 48 .. .. 4b 4c 4d
      51 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 70 71 72 73 74`,
    single: "0964 0965 66 67 68 69 6a 6b 6c 6d 6e 6f 59 5a 5b 5c 5e 75",
  },
  {
    ...{ id: 11, code: "ta", block: 0x0b80 },
    locking: `
      .. 02 03 05 06 07 08 09 0a .. LF .. .. CR 0e 0f
      10 .. 12 13 14 15 .. .. .. 19 1a .. .. 1c .. 1e
      SP ! 1f .. .. .. 23 24 ) ( .. .. , .. . 28
      0 1 2 3 4 5 6 7 8 9 : ; 29 2a .. ?
      .. .. 2e 2f 30 31 32 33 34 35 36 37 38 39 .. ..
      3e 3f 40 41 42 .. .. .. 46 47 48 .. 4a 4b 4c 4d
      50 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 57 70 71 72 79`,
    single: "0964 0965 66 67 68 69 6a 6b 6c 6d 6e 6f 73 74 75 76 77 78 7a",
  },
  {
    ...{ id: 12, code: "te", block: 0x0c00 },
    locking: `
      01 02 03 05 06 07 08 09 0a 0b LF 0c .. CR 0e 0f
      10 .. 12 13 14 15 16 17 18 19 1a .. 1b 1c 1d 1e
      SP ! 1f 20 21 22 23 24 ) ( 25 26 , 27 . 28
      0 1 2 3 4 5 6 7 8 9 : ; .. 2a 2b ?
      2c 2d 2e 2f 30 31 32 33 .. 35 36 37 38 39 .. 3d
      3e 3f 40 41 42 43 44 .. 46 47 48 .. 4a 4b 4c 4d
      55 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 56 60 61 62 63`,
    single: ".. .. 66 67 68 69 6a 6b 6c 6d 6e 6f 58 59 78 79 7a 7b 7c 7d 7e 7f",
  },
  {
    ...{ id: 13, code: "ur", block: 0x0600 },
    locking: `
      27 22 28 7b 80 7e a6 2a c2 7f LF 79 7d CR 7a 7c
      2b 2c 81 84 83 85 86 87 2d 2e 2f .. 8c 88 89 8a
      SP ! 8f 8d 30 31 91 93 ) ( 99 32 , 96 . 98
      0 1 2 3 4 5 6 7 8 9 : ; 9a 33 34 ?
      35 36 37 38 39 41 42 a9 aa ab af b3 b1 44 45 46
      ba bb bc 48 c4 d5 c1 be 21 cc d0 d2 4d 50 4f 57
      54 a b c d e f g h i j k l m n o
      p q r s t u v w x y z 55 51 53 56 70`,
    single: `00 01 f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 0c 0d 0e 0f 10 11 12 13 14 1b 1f 40 52 58 6b 6c 72
      73 cd d4`,
  },
];
const CONTROLS: Readonly<Record<string, number>> = { LF: 0x0a, FF: 0x0c, CR: 0x0d, SP: 0x20 };

/** By septet: the code point, 0 where none stands. */
export type ShiftTable = readonly number[];

/** Identifier of a language by its ISO 639-1 code (3GPP TS 23.038, 6.2.1.2.4); 0: it has none. */
export function languageIdOf(code: string): number {
  return LANGUAGES.find((language) => language.code === code)?.id ?? 0;
}

/** All codes that `languageIdOf` knows. */
export const LANGUAGE_CODES: readonly string[] = LANGUAGES.map(({ code }) => code);
/** The largest identifier. */
export const LANGUAGE_ID_MAX = 13;

/** The table that takes the place of the default alphabet; undefined: the language has none. */
export function lockingShiftTable(id: number): ShiftTable | undefined {
  const language = LANGUAGES.find((one) => one.id === id);
  if (language?.locking === undefined) return undefined;
  return words(language.locking).map((word) => codePointOf(word, language.block));
}

/** The table of what follows the escape; undefined: there is no such language. */
export function singleShiftTable(id: number): ShiftTable | undefined {
  const language = LANGUAGES.find((one) => one.id === id);
  if (language === undefined) return undefined;
  const own = words(language.single);
  if (language.block === 0) {
    const table = new Array<number>(128).fill(0);
    for (let at = 0; at < own.length; at += 2) {
      table[Number.parseInt(own[at]!, 16)] = codePointOf(own[at + 1]!, 0);
    }
    return table;
  }
  const table = words(INDIC_SINGLE).map((word) => codePointOf(word, 0));
  for (const [at, word] of own.entries()) table[INDIC_OWN[at]!] = codePointOf(word, language.block);
  // A.2.12 prints no euro.
  if (language.code === "te") table[0x65] = 0;
  return table;
}

function words(rows: string): readonly string[] {
  return rows.trim().split(/\s+/);
}

function codePointOf(word: string, block: number): number {
  if (word === "..") return 0;
  if (word.length === 1) return word.charCodeAt(0);
  const number = Number.parseInt(word, 16);
  return CONTROLS[word] ?? (word.length === 2 ? block + number : number);
}
