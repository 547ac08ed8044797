//! Which scenes a video has, and what they say.

use super::{Error, Input};
use crate::canvas::Frame;
use crate::language::Texts;
use crate::params::{Chart, ChartKind, Params, Stat, parse_period};
use crate::photo;
use crate::scene::{
    ArtworkScene, ChartScene, ChartTexts, ClosingScene, NumbersScene, PhotoScene, Scene, StatText, TitleScene,
    TitleTexts,
};
use crate::text::Fonts;
use crate::theme::Theme;
use std::sync::Arc;

/// Scenes and their shares of the time.
pub(super) struct Story {
    pub(super) scenes: Vec<Box<dyn Scene>>,
    pub(super) weights: Vec<f64>,
}

impl Story {
    fn add(&mut self, weight: f64, scene: impl Scene + 'static) {
        self.scenes.push(Box::new(scene));
        self.weights.push(weight);
    }
}

/// Decides on the scenes and lays them out.
pub(super) fn write(
    params: &Params,
    period: Option<(u16, u8)>,
    photos: &[Input],
    frame: Frame,
    fonts: &Arc<Fonts>,
    theme: &Theme,
) -> Result<Story, Error> {
    let texts = Texts::of(params.language);
    let period = period.or_else(|| params.period.as_deref().and_then(parse_period));
    let mut story = Story { scenes: Vec::new(), weights: Vec::new() };
    story.add(2.7, TitleScene::new(frame, fonts, theme, &title_texts(params, texts, period)));

    let stats = stat_texts(params, texts);
    if !stats.is_empty() {
        let title = params.stats_title.as_deref().unwrap_or(texts.stats_title);
        story.add(2.8, NumbersScene::new(frame, fonts, theme, texts, title, &stats));
    }
    let chart = params.chart.clone().unwrap_or_else(sample_chart);
    if !chart.values.is_empty() {
        let title = chart.title.as_deref().unwrap_or(texts.chart_title);
        let words = ChartTexts { title, unit: &chart.unit, labels: &chart.labels, texts };
        story.add(2.8, ChartScene::new(frame, fonts, theme, chart.kind, &chart.values, &words));
    }
    for (index, input) in photos.iter().enumerate() {
        let image = photo::load(&input.name, &input.bytes, frame)?;
        story.add(2.3, PhotoScene::new(frame, fonts, theme, image, &input.caption, index % 2 == 1));
    }
    if photos.is_empty() {
        let caption = params.caption.as_deref().unwrap_or(texts.caption);
        story.add(2.6, ArtworkScene::new(frame, fonts, theme, caption));
    }
    let closing = params.closing.as_deref().unwrap_or(texts.closing);
    story.add(2.4, ClosingScene::new(frame, fonts, theme, closing, &params.brand));
    Ok(story)
}

fn title_texts(params: &Params, texts: &Texts, period: Option<(u16, u8)>) -> TitleTexts {
    let month = period.and_then(|(_, month)| texts.months.get(usize::from(month).checked_sub(1)?).copied());
    TitleTexts {
        brand: params.brand.clone(),
        title: params.title.clone().unwrap_or_else(|| month.unwrap_or(texts.title).to_owned()),
        year: period.map_or_else(String::new, |(year, _)| year.to_string()),
        headline: params.headline.clone().unwrap_or_else(|| texts.headline.to_owned()),
        period,
    }
}

fn stat_texts(params: &Params, texts: &Texts) -> Vec<StatText> {
    let given = |stat: &Stat| StatText {
        label: stat.label.clone(),
        value: stat.value,
        unit: stat.unit.clone(),
        decimals: stat.decimals.map_or_else(|| decimals_of(stat.value), usize::from),
    };
    let sample = |(label, (value, unit)): (&str, (f64, &str))| StatText {
        label: label.to_owned(),
        value,
        unit: unit.to_owned(),
        decimals: 0,
    };
    match &params.stats {
        Some(stats) => stats.iter().map(given).collect(),
        None => texts.stats.into_iter().zip([(24.0, ""), (18_460.0, ""), (312.0, texts.hours)]).map(sample).collect(),
    }
}

/// Digits after the decimal sign that the value has, at most two.
fn decimals_of(value: f64) -> usize {
    let has = |factor: f64| ((value * factor).round() - value * factor).abs() < 1e-6;
    if has(1.0) {
        0
    } else if has(10.0) {
        1
    } else {
        2
    }
}

/// Five weeks that add up to the sample's views.
fn sample_chart() -> Chart {
    Chart {
        title: None,
        kind: ChartKind::Bars,
        unit: String::new(),
        values: vec![2_380.0, 3_120.0, 4_650.0, 5_240.0, 3_070.0],
        labels: ["1–7", "8–14", "15–21", "22–28", "29–31"].map(str::to_owned).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::decimals_of;

    #[test]
    fn numbers_show_as_many_decimals_as_they_have() {
        for (value, decimals) in [(0.0, 0), (1_284.0, 0), (4.8, 1), (-0.1, 1), (2.75, 2), (1.0 / 3.0, 2)] {
            assert_eq!(decimals_of(value), decimals, "{value}");
        }
    }
}
