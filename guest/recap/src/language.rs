//! Built-in texts, month names and number formats.

use crate::params::Language;

/// The texts of one language.
pub(crate) struct Texts {
    pub(crate) months: [&'static str; 12],
    /// Title without a month.
    pub(crate) title: &'static str,
    pub(crate) headline: &'static str,
    pub(crate) stats_title: &'static str,
    /// Labels of the sample numbers.
    pub(crate) stats: [&'static str; 3],
    /// Unit of hours.
    pub(crate) hours: &'static str,
    pub(crate) chart_title: &'static str,
    pub(crate) caption: &'static str,
    pub(crate) closing: &'static str,
    decimal_sign: char,
    /// Between groups of three digits.
    group_sign: char,
}

/// U+202F, a narrow space that does not break.
const NARROW: char = '\u{202f}';

impl Texts {
    pub(crate) fn of(language: Language) -> &'static Texts {
        match language {
            Language::En => &EN,
            Language::De => &DE,
            Language::Es => &ES,
            Language::Fr => &FR,
            Language::It => &IT,
            Language::Nl => &NL,
            Language::Pt => &PT,
            Language::Tr => &TR,
        }
    }

    /// A number as the language writes it, rounded to `decimals` digits, with a real minus sign.
    pub(crate) fn number(&self, value: f64, decimals: usize) -> String {
        let plain = format!("{:.decimals$}", value.abs());
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let negative = value < 0.0 && plain.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
        let mut text = String::from(if negative { "\u{2212}" } else { "" });
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.push(self.group_sign);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(self.decimal_sign);
            text.push_str(fraction);
        }
        text
    }
}

static EN: Texts = Texts {
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    title: "Your month",
    headline: "The stories you told, the people who watched",
    stats_title: "Your month in numbers",
    stats: ["Videos made", "Views", "Watch time"],
    hours: "h",
    chart_title: "Views by week",
    caption: "Every day had a story",
    closing: "See you next month",
    decimal_sign: '.',
    group_sign: ',',
};

static DE: Texts = Texts {
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    title: "Dein Monat",
    headline: "Deine Geschichten und alle, die zugesehen haben",
    stats_title: "Dein Monat in Zahlen",
    stats: ["Videos erstellt", "Aufrufe", "Wiedergabezeit"],
    hours: "Std.",
    chart_title: "Aufrufe pro Woche",
    caption: "Jeder Tag hatte seine Geschichte",
    closing: "Bis nächsten Monat",
    decimal_sign: ',',
    group_sign: '.',
};

static ES: Texts = Texts {
    months: [
        "Enero",
        "Febrero",
        "Marzo",
        "Abril",
        "Mayo",
        "Junio",
        "Julio",
        "Agosto",
        "Septiembre",
        "Octubre",
        "Noviembre",
        "Diciembre",
    ],
    title: "Tu mes",
    headline: "Las historias que contaste y quienes las vieron",
    stats_title: "Tu mes en números",
    stats: ["Vídeos creados", "Visualizaciones", "Tiempo de visionado"],
    hours: "h",
    chart_title: "Visualizaciones por semana",
    caption: "Cada día tuvo su historia",
    closing: "¡Hasta el mes que viene!",
    decimal_sign: ',',
    group_sign: '.',
};

static FR: Texts = Texts {
    months: [
        "Janvier",
        "Février",
        "Mars",
        "Avril",
        "Mai",
        "Juin",
        "Juillet",
        "Août",
        "Septembre",
        "Octobre",
        "Novembre",
        "Décembre",
    ],
    title: "Votre mois",
    headline: "Vos histoires et celles et ceux qui les ont regardées",
    stats_title: "Votre mois en chiffres",
    stats: ["Vidéos créées", "Vues", "Durée de visionnage"],
    hours: "h",
    chart_title: "Vues par semaine",
    caption: "Chaque jour avait son histoire",
    closing: "Au mois prochain",
    decimal_sign: ',',
    group_sign: NARROW,
};

static IT: Texts = Texts {
    months: [
        "Gennaio",
        "Febbraio",
        "Marzo",
        "Aprile",
        "Maggio",
        "Giugno",
        "Luglio",
        "Agosto",
        "Settembre",
        "Ottobre",
        "Novembre",
        "Dicembre",
    ],
    title: "Il tuo mese",
    headline: "Le storie che hai raccontato e chi le ha guardate",
    stats_title: "Il tuo mese in numeri",
    stats: ["Video creati", "Visualizzazioni", "Tempo di visione"],
    hours: "h",
    chart_title: "Visualizzazioni per settimana",
    caption: "Ogni giorno aveva la sua storia",
    closing: "Al mese prossimo",
    decimal_sign: ',',
    group_sign: '.',
};

static NL: Texts = Texts {
    months: [
        "Januari",
        "Februari",
        "Maart",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Augustus",
        "September",
        "Oktober",
        "November",
        "December",
    ],
    title: "Jouw maand",
    headline: "De verhalen die je vertelde en wie er keken",
    stats_title: "Jouw maand in cijfers",
    stats: ["Video’s gemaakt", "Weergaven", "Kijktijd"],
    hours: "u",
    chart_title: "Weergaven per week",
    caption: "Elke dag had een verhaal",
    closing: "Tot volgende maand",
    decimal_sign: ',',
    group_sign: '.',
};

static PT: Texts = Texts {
    months: [
        "Janeiro",
        "Fevereiro",
        "Março",
        "Abril",
        "Maio",
        "Junho",
        "Julho",
        "Agosto",
        "Setembro",
        "Outubro",
        "Novembro",
        "Dezembro",
    ],
    title: "O seu mês",
    headline: "As histórias que contou e quem as viu",
    stats_title: "O seu mês em números",
    stats: ["Vídeos criados", "Visualizações", "Tempo de exibição"],
    hours: "h",
    chart_title: "Visualizações por semana",
    caption: "Cada dia teve a sua história",
    closing: "Até ao próximo mês",
    decimal_sign: ',',
    group_sign: '.',
};

static TR: Texts = Texts {
    months: [
        "Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım", "Aralık",
    ],
    title: "Bu ay",
    headline: "Anlattığın hikâyeler ve izleyenler",
    stats_title: "Sayılarla bu ay",
    stats: ["Oluşturulan video", "Görüntülenme", "İzlenme süresi"],
    hours: "sa",
    chart_title: "Haftalık görüntülenme",
    caption: "Her günün bir hikâyesi vardı",
    closing: "Gelecek ay görüşürüz",
    decimal_sign: ',',
    group_sign: '.',
};

#[cfg(test)]
mod tests {
    use super::Texts;
    use crate::params::Language;
    use crate::text::Fonts;

    #[test]
    fn numbers_are_written_as_the_language_does() {
        let (en, de, fr) = (Texts::of(Language::En), Texts::of(Language::De), Texts::of(Language::Fr));
        assert_eq!(en.number(1_234_567.0, 0), "1,234,567");
        assert_eq!(de.number(1_234.5, 1), "1.234,5");
        assert_eq!(fr.number(12_345.0, 0), "12\u{202f}345");
        assert_eq!(en.number(-42.0, 0), "\u{2212}42");
        assert_eq!(en.number(-0.2, 0), "0");
        assert_eq!(en.number(999.96, 1), "1,000.0");
    }

    #[test]
    fn the_font_has_every_built_in_character() {
        let fonts = Fonts::new();
        let languages = [
            Language::En,
            Language::De,
            Language::Es,
            Language::Fr,
            Language::It,
            Language::Nl,
            Language::Pt,
            Language::Tr,
        ];
        for texts in languages.map(Texts::of) {
            let mut all = texts.months.join("") + &texts.stats.join("") + &texts.number(-1_234.5, 1);
            for text in [
                texts.title,
                texts.headline,
                texts.stats_title,
                texts.hours,
                texts.chart_title,
                texts.caption,
                texts.closing,
            ] {
                all.push_str(text);
            }
            assert_eq!(fonts.missing(&all), None);
        }
    }
}
