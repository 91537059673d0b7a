//! How well each class is told from the others.

use super::Evaluation;
use serde::Serialize;

/// How often a class was right, and how often it was said. Shares are nothing where they would be 0 of 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ClassScores {
    pub class: String,
    /// How many pictures are of the class.
    pub pictures: u64,
    /// The share of right ones among the predictions of the class.
    pub precision: Option<f64>,
    /// The share of the pictures of the class that were recognized.
    pub recall: Option<f64>,
    /// The harmonic mean of precision and recall.
    pub f1: Option<f64>,
}

/// What was taken for what, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Scores {
    pub pictures: u64,
    pub right: u64,
    /// The share of pictures that were recognized.
    pub accuracy: f64,
    pub classes: Vec<ClassScores>,
    /// How many pictures of the class of the row were taken for the class of the column.
    pub confusion: Vec<Vec<u64>>,
}

impl Scores {
    pub(crate) fn of(evaluation: &Evaluation) -> Scores {
        let n = evaluation.classes.len();
        let mut confusion = vec![vec![0; n]; n];
        for prediction in &evaluation.predictions {
            confusion[prediction.truth][prediction.class()] += 1;
        }
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let class = |i: usize| {
            let right = confusion[i][i];
            let (pictures, said) = (confusion[i].iter().sum(), confusion.iter().map(|row| row[i]).sum());
            ClassScores {
                class: evaluation.classes[i].clone(),
                pictures,
                precision: share(right, said),
                recall: share(right, pictures),
                f1: share(2 * right, pictures + said),
            }
        };
        let classes: Vec<ClassScores> = (0..n).map(class).collect();
        let (pictures, right) =
            (classes.iter().map(|class| class.pictures).sum(), (0..n).map(|i| confusion[i][i]).sum());
        Scores { pictures, right, accuracy: share(right, pictures).unwrap_or(0.0), classes, confusion }
    }

    /// The mean of a score over the classes that have it.
    pub(crate) fn mean(&self, score: impl Fn(&ClassScores) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.classes.iter().filter_map(score).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// What was taken for something else, as truth, prediction and count, the most frequent first.
    pub(crate) fn mistakes(&self) -> Vec<(usize, usize, u64)> {
        let n = self.classes.len();
        let pairs = (0..n).flat_map(|truth| (0..n).map(move |prediction| (truth, prediction)));
        let mut mistakes: Vec<_> = pairs
            .filter(|(truth, prediction)| truth != prediction)
            .map(|(truth, prediction)| (truth, prediction, self.confusion[truth][prediction]))
            .filter(|(_, _, count)| *count > 0)
            .collect();
        mistakes.sort_by_key(|&(truth, prediction, count)| (std::cmp::Reverse(count), truth, prediction));
        mistakes
    }
}

/// A share as percent; a dash for one of nothing.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".into(), |share| format!("{:.2} %", 100.0 * share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Prediction;

    fn evaluation(classes: &[&str], pairs: &[(usize, usize)]) -> Evaluation {
        let prediction = |&(truth, said): &(usize, usize)| {
            let probabilities = (0..classes.len()).map(|class| f32::from(u8::from(class == said))).collect();
            Prediction { picture: None, truth, probabilities }
        };
        Evaluation {
            classes: classes.iter().map(|class| class.to_string()).collect(),
            predictions: pairs.iter().map(prediction).collect(),
        }
    }

    #[test]
    fn scores_are_those_of_the_textbook() {
        // scikit-learn's precision_recall_fscore_support on the same pairs.
        let pairs = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 1), (1, 0), (1, 2), (2, 2)];
        let scores = Scores::of(&evaluation(&["a", "b", "c"], &pairs));
        assert_eq!((scores.pictures, scores.right, scores.accuracy), (8, 5, 0.625));
        let rows: Vec<_> = scores.classes.iter().map(|c| (c.pictures, c.precision, c.recall, c.f1)).collect();
        let (two_thirds, four_sevenths) = (Some(2.0 / 3.0), Some(4.0 / 7.0));
        assert_eq!(rows[0], (3, two_thirds, two_thirds, two_thirds));
        assert_eq!(rows[1], (4, two_thirds, Some(0.5), four_sevenths));
        assert_eq!(rows[2], (1, Some(0.5), Some(1.0), two_thirds));
        assert_eq!(scores.mistakes(), [(0, 1, 1), (1, 0, 1), (1, 2, 1)]);
        assert_eq!(scores.confusion, [[2, 1, 0], [1, 2, 1], [0, 0, 1]]);
    }

    #[test]
    fn classes_without_pictures_have_no_recall() {
        let scores = Scores::of(&evaluation(&["a", "b", "c"], &[(0, 0), (0, 1)]));
        assert_eq!((scores.classes[1].precision, scores.classes[1].recall), (Some(0.0), None));
        assert_eq!((scores.classes[2].precision, scores.classes[2].f1), (None, None));
        assert_eq!(scores.mean(|class| class.recall), Some(0.5));
        assert_eq!((percent(None), percent(Some(0.5))), ("–".into(), "50.00 %".into()));
        assert_eq!(Scores::of(&evaluation(&["a"], &[])).accuracy, 0.0);
    }
}
