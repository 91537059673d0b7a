//! The report of a run as one HTML file that needs nothing else: style and pictures are in it, and there is no script.

use super::scores::{ClassScores, Scores, percent};
use super::wrong::Mistake;
use super::{Figures, RunReport};
use crate::text::{shown, shown_path, thousands};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rushlight::vision::FileFormat;
use std::path::Path;
use std::time::Duration;

/// From this many classes on, a table of all pairs cannot be read, and the most frequent mistakes are listed instead.
const MOST_IN_MATRIX: usize = 24;
/// The most rows of a list of mistakes or of skipped files.
const MOST_ROWS: usize = 50;

/// The page of a run that was written into `folder`.
pub(super) fn page(report: &RunReport, curves: &[u8], figures: &Figures, folder: &Path) -> String {
    let scores = Scores::of(&report.evaluation);
    let title = shown(&report.title);
    let model = shown_path(&folder.join("model.safetensors"));
    let mistakes = scores.mistakes();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                title { (title) " – Rushlight" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    p.kicker { "Rushlight training report" }
                    h1 { (title) }
                    p.lead { (summary(report, &scores)) }
                    (tiles(report, &scores))
                }
                main {
                    (section("use", "Use the model", usage(&model)))
                    (section("training", "Training", html! {
                        figure.plot { img src=(data_uri("png", curves)) alt=(curves_in_words(report)); }
                    }))
                    (section("classes", "Classes", classes(report, &scores)))
                    @if scores.pictures > 0 {
                        (section("confusion", "What was taken for what", confusion(&scores, &mistakes, figures)))
                    }
                    @if !figures.mistakes.is_empty() {
                        (section("wrong", "The most confident mistakes", wrong_pictures(&figures.mistakes)))
                    }
                    (section("settings", "Settings", settings(report)))
                    @if !report.skipped.is_empty() {
                        (section("skipped", "Skipped files", skipped(report)))
                    }
                }
                footer { "Written by rushlight " (env!("CARGO_PKG_VERSION")) "." }
            }
        }
    }
    .into_string()
}

fn section(id: &str, title: &str, content: Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (title) } (content) } }
}

/// The outcome in a sentence.
fn summary(report: &RunReport, scores: &Scores) -> String {
    let (right, all) = (thousands(scores.right), thousands(scores.pictures));
    let part = report.held_out.name();
    match report.best_epoch() {
        Some(epoch) => format!(
            "{right} of {all} {part} pictures were classified right, by the model after epoch {} of {}.",
            epoch.number,
            report.epochs.len()
        ),
        None => format!("{right} of {all} {part} pictures were classified right."),
    }
}

fn tiles(report: &RunReport, scores: &Scores) -> Markup {
    let sum = |count: fn(&super::ClassCount) -> usize| report.classes.iter().map(count).sum::<usize>() as u64;
    let seconds: Duration = report.phases.iter().map(|(_, time)| *time).sum();
    let part = report.held_out.name();
    let loss = report.best_epoch().map(|epoch| format!("{:.4}", epoch.held_out_loss));
    html! {
        dl.tiles {
            div { dt { (part) " accuracy" } dd.main { (percent(Some(scores.accuracy))) } }
            @if let Some(loss) = loss { div { dt { (part) " loss" } dd { (loss) } } }
            div { dt { "Training pictures" } dd { (thousands(sum(|class| class.train))) } }
            div { dt { (part) " pictures" } dd { (thousands(sum(|class| class.held_out))) } }
            div { dt { "Classes" } dd { (report.classes.len()) } }
            @if !report.phases.is_empty() { div { dt { "Time" } dd { (duration(seconds)) } } }
        }
    }
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds as u64 {
        0..60 => format!("{seconds:.1} s"),
        whole @ 60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        whole => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

fn usage(model: &str) -> Markup {
    let quoted = shell_quoted(model);
    html! {
        p { "The model file carries the names of the classes and how pictures are prepared; nothing else is needed." }
        dl.commands {
            dt { "Classify pictures or a folder of them" }
            dd { pre { code { "rushlight predict " (quoted) " picture.jpg" } } }
            dt { "Open a page where pictures are dropped" }
            dd { pre { code { "rushlight serve " (quoted) } } }
            dt { "Test it on other pictures whose classes are known" }
            dd { pre { code { "rushlight evaluate " (quoted) " photos/" } } }
        }
    }
}

/// An argument for a shell.
fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=,:+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The curves for who cannot see them.
fn curves_in_words(report: &RunReport) -> String {
    let part = report.held_out.name();
    match (report.epochs.first(), report.epochs.last()) {
        (Some(first), Some(last)) => format!(
            "Loss and accuracy over the epochs. From epoch {} to {}, the {part} loss went from {:.4} to {:.4}, the {part} accuracy from {} to {}.",
            first.number,
            last.number,
            first.held_out_loss,
            last.held_out_loss,
            percent(Some(first.held_out_accuracy)),
            percent(Some(last.held_out_accuracy)),
        ),
        _ => "Loss and accuracy over the epochs.".into(),
    }
}

fn classes(report: &RunReport, scores: &Scores) -> Markup {
    let trained = |name: &str| report.classes.iter().find(|class| class.name == name).map(|class| class.train as u64);
    let mean = |score: fn(&ClassScores) -> Option<f64>| percent(scores.mean(score));
    html! {
        div.scroll tabindex="0" role="region" aria-label="Scores of each class" {
            table {
                thead { tr {
                    th scope="col" { "Class" }
                    th.number scope="col" { "Trained on" }
                    th.number scope="col" { "Tested on" }
                    th.number scope="col" { "Precision" }
                    th.number scope="col" { "Recall" }
                    th.number scope="col" { "F1" }
                } }
                tbody { @for class in &scores.classes {
                    tr {
                        th scope="row" { (shown(&class.class)) }
                        td.number { (trained(&class.class).map_or_else(|| "–".into(), thousands)) }
                        td.number { (thousands(class.pictures)) }
                        td.number { (percent(class.precision)) }
                        td.number { (percent(class.recall)) }
                        td.number { (percent(class.f1)) }
                    }
                } }
                tfoot { tr {
                    th scope="row" { "Mean" }
                    td {} td {}
                    td.number { (mean(|class| class.precision)) }
                    td.number { (mean(|class| class.recall)) }
                    td.number { (mean(|class| class.f1)) }
                } }
            }
        }
        p.note {
            "Precision is the share of right ones among the predictions of a class, recall the share of a class that was recognized, \
             F1 their harmonic mean."
        }
    }
}

fn confusion(scores: &Scores, mistakes: &[(usize, usize, u64)], figures: &Figures) -> Markup {
    let names: Vec<String> = scores.classes.iter().map(|class| shown(&class.class)).collect();
    if names.len() > MOST_IN_MATRIX {
        return html! {
            figure.plot { img src=(data_uri("png", &figures.confusion)) alt="Confusion matrix; the most frequent mistakes are listed below."; }
            (frequent(&names, scores, mistakes))
        };
    }
    // Steeper at the start, so that few mistakes are visible.
    let shade = |count: u64, of: u64| if count == 0 { 0.0 } else { 8.0 + 92.0 * (count as f64 / of as f64).powf(0.7) };
    html! {
        p.note { "Rows are the true classes, columns the predicted ones. A cell is the number of pictures, its color the share of the row." }
        div.scroll tabindex="0" role="region" aria-label="Confusion matrix" {
            table.matrix {
                thead { tr {
                    td {}
                    @for name in &names { th scope="col" { span { (name) } } }
                } }
                tbody { @for (row, name) in scores.confusion.iter().zip(&names) {
                    @let of = row.iter().sum::<u64>();
                    tr {
                        th scope="row" { (name) }
                        @for &count in row {
                            @let share = shade(count, of);
                            td.strong[share > 50.0] style=(format!("--share:{share:.0}%")) { (count) }
                        }
                    }
                } }
            }
        }
    }
}

/// Pairs of classes by how often one was taken for the other.
fn frequent(names: &[String], scores: &Scores, mistakes: &[(usize, usize, u64)]) -> Markup {
    html! {
        @if !mistakes.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="The most frequent mistakes" {
                table {
                    caption { "The most frequent mistakes" }
                    thead { tr {
                        th scope="col" { "True class" } th scope="col" { "Taken for" }
                        th.number scope="col" { "Pictures" } th.number scope="col" { "Of the class" }
                    } }
                    tbody { @for &(truth, said, count) in mistakes.iter().take(MOST_ROWS) {
                        tr {
                            th scope="row" { (names[truth]) }
                            td { (names[said]) }
                            td.number { (thousands(count)) }
                            td.number { (percent(Some(count as f64 / scores.classes[truth].pictures.max(1) as f64))) }
                        }
                    } }
                }
            }
        }
    }
}

fn wrong_pictures(mistakes: &[Mistake]) -> Markup {
    html! {
        p { "Pictures that were classified wrong, the surest first. Some may be labeled wrong, or show more than one class." }
        ol.pictures { @for mistake in mistakes {
            li { figure {
                @match mistake.thumbnail.as_ref().and_then(|image| image.encode(FileFormat::Jpeg).ok()) {
                    Some(jpeg) => { img src=(data_uri("jpeg", &jpeg)) alt=""; }
                    None => { div.missing { "cannot be read any more" } }
                }
                figcaption {
                    strong { (mistake.truth) }
                    span { "taken for " em { (mistake.said) } " (" (format!("{:.1}\u{a0}%", 100.0 * mistake.probability)) ")" }
                    span.file { (mistake.name) }
                }
            } }
        } }
    }
}

fn settings(report: &RunReport) -> Markup {
    html! {
        div.columns {
            table {
                caption { "How the model was trained" }
                tbody { @for (name, value) in &report.settings {
                    tr { th scope="row" { (shown(name)) } td { (shown(value)) } }
                } }
            }
            @if !report.phases.is_empty() {
                table {
                    caption { "Where the time went" }
                    tbody { @for (name, time) in &report.phases {
                        tr { th scope="row" { (name) } td.number { (duration(*time)) } }
                    } }
                }
            }
        }
        h3 { "The command" }
        pre { code { (command_line()) } }
    }
}

/// The command line of this process.
fn command_line() -> String {
    let arguments = std::env::args_os().skip(1).map(|argument| shell_quoted(&shown_path(argument.as_ref())));
    std::iter::once("rushlight".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn skipped(report: &RunReport) -> Markup {
    let more = report.skipped.len().saturating_sub(MOST_ROWS);
    html! {
        p { "Files that could not be read and were left out: " (thousands(report.skipped.len() as u64)) "." }
        ul.skipped { @for (path, reason) in report.skipped.iter().take(MOST_ROWS) {
            li { code { (shown_path(path)) } ": " (shown(reason)) }
        } }
        @if more > 0 { p { "… and " (more) " more." } }
    }
}

fn data_uri(format: &str, file: &[u8]) -> String {
    format!("data:image/{format};base64,{}", STANDARD.encode(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ClassCount, Epoch, Evaluation, HeldOut, Prediction};
    use std::path::PathBuf;

    /// A run whose names come from somebody who wishes no good.
    fn report(classes: usize) -> RunReport {
        let names: Vec<String> = (0..classes).map(|i| format!("<script>alert({i})</script>&\"'\u{202e}")).collect();
        let count = |name: &String| ClassCount { name: name.clone(), train: 4321, held_out: 2 };
        let prediction = |truth: usize| Prediction {
            picture: Some(PathBuf::from(format!("photos/<img src=x onerror=alert({truth})>\n.jpg"))),
            truth,
            probabilities: (0..classes).map(|class| if class == 0 { 0.75 } else { 0.25 / classes as f32 }).collect(),
        };
        RunReport {
            title: "<title>".into(),
            settings: vec![("model".into(), "</td><b>".into())],
            classes: names.iter().map(count).collect(),
            held_out: HeldOut::Validation,
            epochs: vec![Epoch {
                number: 1,
                train_loss: 0.5,
                train_accuracy: 0.5,
                held_out_loss: 0.625,
                held_out_accuracy: 0.5,
                images_per_second: 10.0,
                lr: 0.1,
                seconds: 1.0,
            }],
            best: 1,
            evaluation: Evaluation { classes: names, predictions: (0..classes).map(prediction).collect() },
            phases: vec![("training", Duration::from_secs(75))],
            skipped: vec![("a<b>.jpg".into(), "expected <a picture>".into())],
        }
    }

    fn html(classes: usize) -> String {
        let report = report(classes);
        let figures = Figures::of("Validation images", &report.evaluation).unwrap();
        page(&report, b"curves", &figures, Path::new("runs/it's <mine>"))
    }

    #[test]
    fn names_are_text_and_nothing_is_loaded() {
        let html = html(3);
        // The tags that the page itself is made of.
        for (tag, count) in [("<script", 0), ("<b>", 0), ("<title>", 1), ("<img", 1), ("onerror=alert(1)>", 0)] {
            assert_eq!(html.matches(tag).count(), count, "{tag}");
        }
        assert!(!html.contains('\u{202e}') && !html.contains("://"));
        for text in [
            "<h1>&lt;title&gt;</h1>",
            "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;'\\u{202e}",
            "&lt;img src=x onerror=alert(1)&gt;\\n.jpg",
            r"rushlight serve 'runs/it'\''s &lt;mine&gt;/model.safetensors'",
            "<code>a&lt;b&gt;.jpg</code>: expected &lt;a picture&gt;",
        ] {
            assert!(html.contains(text), "{text} in {html}");
        }
    }

    #[test]
    fn the_outcome_is_in_words_and_numbers() {
        let html = html(3);
        for text in [
            "1 of 3 validation pictures were classified right, by the model after epoch 1 of 1.",
            "<dd class=\"main\">33.33 %</dd>",
            "<dd>0.6250</dd>",
            "<dd>12,963</dd>",
            "<dd>1 min 15 s</dd>",
            "cannot be read any more",
            "<table class=\"matrix\">",
        ] {
            assert!(html.contains(text), "{text} in {html}");
        }
    }

    #[test]
    fn many_classes_are_a_figure_and_a_list_of_mistakes() {
        let html = html(MOST_IN_MATRIX + 1);
        assert!(!html.contains("class=\"matrix\"") && html.contains("The most frequent mistakes"), "{html}");
    }
}
