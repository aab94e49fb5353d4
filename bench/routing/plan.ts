/**
 * Plan: the countries that the bench's tables and messages are about, with real ranges of mobile
 * numbers (ITU-T E.164 national plans), so that what is sent is valid and prefixes nest as in decks.
 */
export interface CountryPlan {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly mcc: string;
  readonly mncs: readonly string[];
  /** Country code and what mobile numbers go on with. */
  readonly ranges: readonly string[];
  /** Digits of a whole number, country code included. */
  readonly digits: number;
}

export const COUNTRIES: readonly CountryPlan[] = [
  plan("US", "310", ["004", "120", "260", "410"], "1 201 212 310 312 404 415 512 617 702 713", 11),
  plan("CA", "302", ["220", "370", "610"], "1 204 416 438 514 604 613 647", 11),
  plan(
    "GB",
    "234",
    ["10", "15", "20", "30", "33"],
    "44 740 741 742 745 747 752 771 780 785 797",
    12,
  ),
  plan("DE", "262", ["01", "02", "03"], "49 151 157 160 162 170 171 172 173 175 176", 13),
  plan("FR", "208", ["01", "10", "15", "20"], "33 61 62 64 66 67 68 75 76 77 78", 11),
  plan("ES", "214", ["01", "03", "04", "07"], "34 60 61 62 63 65 66 67 69", 11),
  plan("IT", "222", ["01", "10", "88", "99"], "39 320 328 331 334 338 340 347 349 366 392", 12),
  plan("NL", "204", ["04", "08", "16"], "31 61 62 63 64 65", 11),
  plan("BE", "206", ["01", "10", "20"], "32 470 471 472 475 477 485 486 495", 11),
  plan("PL", "260", ["01", "02", "03", "06"], "48 500 501 510 600 602 660 690 790 880", 11),
  plan("SE", "240", ["01", "02", "07", "08"], "46 70 72 73 76", 11),
  plan("CH", "228", ["01", "02", "03"], "41 76 77 78 79", 11),
  plan("TR", "286", ["01", "02", "03"], "90 530 532 535 542 545 552 555", 12),
  plan("ZA", "655", ["01", "02", "07", "10"], "27 60 71 72 73 76 78 82 83 84", 11),
  plan("NG", "621", ["20", "30", "50", "60"], "234 803 805 806 807 813 814 816 903 905", 13),
  plan("KE", "639", ["02", "03", "07"], "254 70 71 72 73 79", 12),
  plan("IN", "404", ["01", "10", "20", "45", "86"], "91 70 73 77 80 81 88 90 96 98 99", 12),
  plan("CN", "460", ["00", "01", "03", "11"], "86 133 135 138 139 150 151 158 180 186 189", 13),
  plan("ID", "510", ["01", "10", "11", "89"], "62 811 812 813 815 817 821 852 857 878", 12),
  plan("BR", "724", ["02", "05", "10", "31"], "55 1196 1197 1198 1199 2196 2198 2199 3199", 13),
  plan("AU", "505", ["01", "02", "03"], "61 40 41 42 43 45 47", 11),
  plan("JP", "440", ["10", "20", "50"], "81 70 80 90", 12),
];

function plan(
  country: string,
  mcc: string,
  mncs: readonly string[],
  codes: string,
  digits: number,
): CountryPlan {
  const [code, ...national] = codes.split(" ");
  return { country, mcc, mncs, digits, ranges: national.map((range) => `${code}${range}`) };
}
