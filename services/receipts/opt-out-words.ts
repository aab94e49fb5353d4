/**
 * Opt-out words: what people write to be left alone, to be written to again, or to be told how, by
 * language. A word in its own row alone: a language's words are looked up together, whatever language
 * the phone's owner speaks.
 *
 * In capitals, without accents, blanks and marks, as `plainWord` (opt-out.ts) makes them; a test
 * holds them to that. Words that are plain answers elsewhere (YES, NO, OFF) are none of them.
 */
export type OptOutAction = "STOP" | "STOPALL" | "START" | "STARTALL" | "HELP";

export const OPT_OUT_WORDS: readonly {
  /** ISO 639-1; "": what is understood everywhere. */
  readonly language: string;
  readonly words: Readonly<Partial<Record<OptOutAction, readonly string[]>>>;
}[] = [
  {
    language: "",
    words: {
      STOP: ["STOP", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE", "UNSUB"],
      STOPALL: ["STOPALL", "UNSUBSCRIBEALL", "OPTOUTALL"],
      START: ["START", "UNSTOP", "SUBSCRIBE", "RESUME", "OPTIN"],
      STARTALL: ["STARTALL", "UNSTOPALL"],
      HELP: ["HELP", "INFO"],
    },
  },
  {
    language: "fr",
    words: {
      STOP: ["ARRET", "ARRETER", "ARRETEZ", "DESABONNER", "DESINSCRIRE", "DESABONNEMENT"],
      STOPALL: ["ARRETTOUT", "ARRETERTOUT"],
      START: ["REPRENDRE", "DEBUT", "DEBUTER"],
      HELP: ["AIDE"],
    },
  },
  {
    language: "de",
    words: {
      STOP: ["STOPP", "ABMELDEN", "ABBESTELLEN", "BEENDEN"],
      STOPALL: ["STOPPALLE", "ALLEABMELDEN"],
      START: ["STARTEN", "ANMELDEN"],
      HELP: ["HILFE"],
    },
  },
  {
    language: "es",
    words: {
      STOP: ["ALTO", "PARAR", "BAJA", "CANCELAR", "DETENER"],
      STOPALL: ["ALTOTODO", "BAJATODO"],
      START: ["INICIAR", "ALTA", "REANUDAR"],
      HELP: ["AYUDA"],
    },
  },
  {
    language: "pt",
    words: {
      STOP: ["SAIR", "PARE", "REMOVER", "DESCADASTRAR"],
      START: ["INICIO", "COMECAR", "VOLTAR"],
      HELP: ["AJUDA"],
    },
  },
  {
    language: "it",
    words: {
      STOP: ["FERMA", "ANNULLA", "DISISCRIVI", "BASTA"],
      START: ["RIPRENDI", "INIZIA"],
      HELP: ["AIUTO"],
    },
  },
  {
    language: "nl",
    words: { STOP: ["STOPPEN", "AFMELDEN", "UITSCHRIJVEN"], START: ["AANMELDEN"], HELP: ["HULP"] },
  },
  {
    language: "sv",
    words: { STOP: ["AVSLUTA", "AVREGISTRERA"], START: ["STARTA"], HELP: ["HJALP"] },
  },
  { language: "da", words: { STOP: ["AFMELD", "FRAMELD"], START: ["TILMELD"], HELP: ["HJÆLP"] } },
  { language: "nb", words: { STOP: ["AVSLUTT", "AVMELD"], START: ["PAMELD"], HELP: ["HJELP"] } },
  {
    language: "fi",
    words: { STOP: ["LOPETA", "SEIS", "PERU"], START: ["ALOITA"], HELP: ["OHJE"] },
  },
  {
    language: "pl",
    words: { STOP: ["KONIEC", "WYPISZ", "REZYGNUJE"], START: ["WZNOW"], HELP: ["POMOC"] },
  },
  { language: "cs", words: { STOP: ["ZRUSIT", "ODHLASIT"], START: ["PRIHLASIT"] } },
  { language: "hu", words: { STOP: ["LEIRATKOZAS", "LEALL"], START: ["FELIRATKOZAS"] } },
  {
    language: "ro",
    words: { STOP: ["OPRESTE", "DEZABONARE"], START: ["ABONARE"], HELP: ["AJUTOR"] },
  },
  { language: "tr", words: { STOP: ["DUR", "IPTAL", "RED"], START: ["BASLA"], HELP: ["YARDIM"] } },
  { language: "id", words: { STOP: ["BERHENTI"], START: ["MULAI"], HELP: ["BANTUAN"] } },
  {
    language: "ru",
    words: { STOP: ["СТОП", "ОТПИСАТЬСЯ", "ОТПИСКА"], START: ["СТАРТ"], HELP: ["ПОМОЩЬ"] },
  },
  { language: "uk", words: { STOP: ["ВІДПИСАТИСЯ"], HELP: ["ДОПОМОГА"] } },
  {
    language: "el",
    words: { STOP: ["ΣΤΑΜΑΤΑ", "ΔΙΑΓΡΑΦΗ"], START: ["ΕΝΑΡΞΗ"], HELP: ["ΒΟΗΘΕΙΑ"] },
  },
  { language: "he", words: { STOP: ["הסר", "הסרה", "עצור"], START: ["התחל"], HELP: ["עזרה"] } },
  {
    language: "ar",
    words: { STOP: ["توقف", "ايقاف", "الغاء"], START: ["ابدا", "اشتراك"], HELP: ["مساعدة"] },
  },
  { language: "hi", words: { STOP: ["रोकें", "बंद"], START: ["शुरू"], HELP: ["मदद"] } },
  {
    language: "zh",
    words: { STOP: ["退订", "退訂", "停止", "取消"], START: ["订阅"], HELP: ["帮助"] },
  },
  { language: "ja", words: { STOP: ["配信停止", "解除"], START: ["配信開始"], HELP: ["ヘルプ"] } },
  { language: "ko", words: { STOP: ["수신거부", "중지"], START: ["수신동의"], HELP: ["도움말"] } },
];
