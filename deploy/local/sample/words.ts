/** Words of the sample: countries with their free ranges and senders, and texts by language. */

export interface Country {
  readonly code: string;
  /** Digits before those that vary, country code first. */
  readonly prefix: string;
  /** How many digits vary. */
  readonly last: number;
  readonly language: Language;
  readonly senders: readonly string[];
}
export type Language = keyof typeof TEXTS;

export const COUNTRIES: readonly Country[] = [
  { code: "GB", prefix: "447700900", last: 3, language: "en", senders: ["Floe", "Northbank"] },
  { code: "US", prefix: "120255501", last: 2, language: "en", senders: ["262966", "+12025550142"] },
  { code: "US", prefix: "141555501", last: 2, language: "es", senders: ["262966"] },
  { code: "FR", prefix: "3363998", last: 4, language: "fr", senders: ["Floe", "Librairie"] },
  { code: "DE", prefix: "4917139200", last: 2, language: "de", senders: ["Floe", "Paketdienst"] },
  { code: "AU", prefix: "6149157015", last: 1, language: "en", senders: ["Floe", "+61491570156"] },
  { code: "SE", prefix: "4670174066", last: 1, language: "sv", senders: ["Floe"] },
  { code: "ES", prefix: "3460000", last: 4, language: "es", senders: ["Floe", "Panaderia"] },
  { code: "IT", prefix: "393200000", last: 3, language: "it", senders: ["Floe"] },
  { code: "NL", prefix: "3160000", last: 4, language: "nl", senders: ["Floe"] },
  { code: "PL", prefix: "4850000", last: 4, language: "pl", senders: ["Floe", "Sklep"] },
  { code: "GR", prefix: "3069000", last: 5, language: "el", senders: ["Floe"] },
  { code: "BR", prefix: "551190000", last: 4, language: "pt", senders: ["Floe", "27000"] },
  { code: "IN", prefix: "9190000", last: 5, language: "hi", senders: ["FLOEIN"] },
  { code: "ZA", prefix: "2760000", last: 4, language: "en", senders: ["Floe"] },
  { code: "NG", prefix: "23470000", last: 5, language: "en", senders: ["Floe"] },
  { code: "JP", prefix: "8170000", last: 5, language: "ja", senders: ["+817000000000"] },
  { code: "AE", prefix: "97150000", last: 4, language: "ar", senders: ["Floe"] },
  { code: "UA", prefix: "38050000", last: 4, language: "uk", senders: ["Floe"] },
  { code: "MX", prefix: "52550000", last: 4, language: "es", senders: ["Floe"] },
];

/** One segment of GSM-7 text and a half, so that repeats make messages of several parts. */
export const LONG_TEXT =
  "Your appointment is confirmed. Please bring your papers, arrive ten minutes early and use the " +
  "entrance on the north side. If you cannot come, call us or answer this message until noon of " +
  "the day before, so that somebody else can have your place. Thank you. ";

export const TEXTS = {
  en: {
    code: ["Your code is #. Never share it.", "# is your verification code."],
    notice: [
      "Your parcel # arrives today between 2 and 4 pm.",
      "Payment of £12.50 received, reference #. Thank you!",
      "Meeting moved to [room #] at 10:30 {floor 2}.",
      "Your table is booked 🎉 See you at 8, booking #",
    ],
    offer: ["Only today: 20% off everything. Code SAVE#", "New in store this week, see no. #!"],
  },
  de: {
    code: ["Ihr Code lautet #. Bitte nicht weitergeben.", "# ist Ihr Bestätigungscode."],
    notice: ["Ihr Paket # kommt heute zwischen 14 und 16 Uhr.", "Größe # ist wieder verfügbar."],
    offer: ["Nur heute: 20 % auf alles, Gutschein # für 5 €"],
  },
  fr: {
    code: ["Votre code est #. Ne le communiquez à personne."],
    notice: [
      "Votre colis # arrive aujourd'hui.",
      "Rendez-vous confirmé : n° # à l'hôtel, côté forêt",
    ],
    offer: ["Aujourd'hui seulement : -20 % avec le code ÉTÉ#"],
  },
  es: {
    code: ["Su código es #. No lo comparta."],
    notice: ["Su paquete # llega hoy.", "¡Mañana! Cita número # confirmada, ¿asistirá?"],
    offer: ["Sólo hoy: 20 % de descuento con el código #"],
  },
  it: {
    code: ["Il tuo codice è #."],
    notice: ["Il pacco # arriva oggi.", "Perché non risponde? Pratica # in attesa."],
    offer: ["Solo oggi: sconto del 20 % con il codice #"],
  },
  nl: {
    code: ["Je code is #. Deel hem met niemand."],
    notice: ["Je pakket # komt vandaag.", "Afspraak # is bevestigd, tot ziens"],
    offer: ["Alleen vandaag: 20 % korting met code #"],
  },
  sv: {
    code: ["Din kod är #."],
    notice: ["Ditt paket # kommer idag.", "Tid # är bokad på åttonde våningen"],
    offer: ["Bara idag: 20 % rabatt med kod #"],
  },
  pl: {
    code: ["Twój kod: #. Nie podawaj go nikomu."],
    notice: ["Paczka # będzie dziś.", "Wizyta numer # potwierdzona, do zobaczenia żółwiku"],
    offer: ["Tylko dziś: zniżka 20 % z kodem #"],
  },
  pt: {
    code: ["Seu código é #."],
    notice: ["Seu pacote # chega hoje.", "Consulta # confirmada, até amanhã às 9h. Não responda."],
    offer: ["Só hoje: 20 % de desconto com o código #"],
  },
  el: {
    code: ["ΚΩΔΙΚΟΣ: #", "Ο κωδικός σας είναι #."],
    notice: ["Το δέμα # φτάνει σήμερα."],
    offer: ["Μόνο σήμερα: έκπτωση 20 % με κωδικό #"],
  },
  hi: {
    code: ["आपका कोड # है।", "# is your OTP. Do not share it."],
    notice: ["आपका पार्सल # आज आ रहा है।"],
    offer: ["केवल आज: 20 % की छूट, कोड #"],
  },
  ja: {
    code: ["認証コードは#です。"],
    notice: ["お荷物#は本日届きます。"],
    offer: ["本日限り20%オフ クーポン#"],
  },
  ar: {
    code: ["رمزك هو #."],
    notice: ["ستصل شحنتك # اليوم."],
    offer: ["اليوم فقط: خصم 20 % بالرمز #"],
  },
  uk: {
    code: ["Ваш код: #."],
    notice: ["Посилка # прибуде сьогодні."],
    offer: ["Тільки сьогодні: знижка 20 % з кодом #"],
  },
} as const;
