//! Samplers, loaders over them and partitions, against PyTorch's draws and scikit-learn's proportions.

use crate::golden::{list, load, numbers, text};
use crate::loader::{Numbers, alone};
use rushlight::data::{
    BatchSampler, DataLoader, Dataset, Lengths, RandomSampler, Sampler, SubsetRandomSampler, WeightedRandomSampler,
    random_split, stratified_split, try_stratified_split,
};
use rushlight::manual_seed;
use rushlight::random::{Generator, default_generator};
use serde_json::{Value, from_value};
use std::sync::Arc;

enum Either {
    Items(Arc<dyn Sampler>),
    Batches(Arc<dyn Sampler<Vec<usize>>>),
}

/// A shared sampler.
struct Shared<T>(Arc<dyn Sampler<T>>);

impl<T> Sampler<T> for Shared<T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn iter(&self) -> Box<dyn Iterator<Item = T> + Send> {
        self.0.iter()
    }
}

/// The sampler that the generator script calls `name`.
fn sampler(name: &str, weights: &[f64], own: Option<&Generator>) -> Either {
    let random = |sampler: RandomSampler| own.map_or(sampler.clone(), |g| sampler.generator(g));
    let weighted = |sampler: WeightedRandomSampler| own.map_or(sampler.clone(), |g| sampler.generator(g));
    match name {
        "subset" => {
            let sampler = SubsetRandomSampler::new([7, 0, 3, 3, 9, 5, 2]);
            Either::Items(Arc::new(own.map_or(sampler.clone(), |g| sampler.generator(g))))
        }
        "weighted" => Either::Items(Arc::new(weighted(WeightedRandomSampler::new(weights, 40, true)))),
        "weighted_once" => Either::Items(Arc::new(weighted(WeightedRandomSampler::new(weights, 8, false)))),
        "batches" => Either::Batches(Arc::new(BatchSampler::new(random(RandomSampler::new(10)), 4, false))),
        "whole_batches" => Either::Batches(Arc::new(BatchSampler::new(random(RandomSampler::new(10)), 4, true))),
        "drawn_batches" => {
            let sampler = random(RandomSampler::new(10).replacement(true).num_samples(35));
            Either::Batches(Arc::new(BatchSampler::new(sampler, 10, false)))
        }
        other => panic!("no sampler {other}"),
    }
}

#[test]
fn samplers_draw_as_in_pytorch_alone_and_in_loaders() {
    let _turn = alone();
    let golden = load("datasets");
    let weights: Vec<f64> = from_value(golden["weights"].clone()).unwrap();
    let cases = list(&golden["samplers"]);
    assert_eq!(cases.len(), 12);
    for (case, num_workers) in cases.iter().flat_map(|case| [0, 3].map(|workers| (case, workers))) {
        manual_seed(11);
        let own = case["own"].as_bool().unwrap().then(|| Generator::from_seed(12));
        let what = format!("{} own {} workers {num_workers}", case["name"], case["own"]);
        let builder = DataLoader::builder(Numbers(10)).num_workers(num_workers);
        let builder = match sampler(text(&case["name"]), &weights, own.as_ref()) {
            Either::Items(sampler) => {
                for epoch in list(&case["epochs"]) {
                    let drawn: Vec<usize> = sampler.iter().collect();
                    assert_eq!((sampler.len(), &drawn), (drawn.len(), &numbers::<usize>(epoch).unwrap()), "{what}");
                }
                builder.sampler(Shared(sampler)).batch_size(3)
            }
            Either::Batches(sampler) => {
                for epoch in list(&case["epochs"]) {
                    let drawn: Vec<Vec<usize>> = sampler.iter().collect();
                    let want: Vec<Vec<usize>> = from_value(epoch.clone()).unwrap();
                    assert_eq!((sampler.len(), &drawn), (want.len(), &want), "{what}");
                }
                builder.batch_sampler(Shared(sampler))
            }
        };
        let loader = builder.build();
        for epoch in list(&case["loaded"]) {
            let loaded: Vec<Vec<i64>> = loader.iter().map(|batch| batch.to_vec()).collect();
            assert_eq!(loaded, from_value::<Vec<Vec<i64>>>(epoch.clone()).unwrap(), "{what}");
        }
        let after = own.as_ref().unwrap_or(default_generator()).random_i64();
        assert_eq!(after, case["after"].as_i64().unwrap(), "{what}");
        assert_eq!(default_generator().random_i64(), case["default"].as_i64().unwrap(), "{what}");
    }
}

fn lengths(case: &Value) -> Lengths {
    let lengths = case["lengths"].clone();
    if lengths[0].is_f64() {
        Lengths::Fractions(from_value(lengths).unwrap())
    } else {
        Lengths::Items(from_value(lengths).unwrap())
    }
}

#[test]
fn random_splits_are_pytorchs() {
    let _turn = alone();
    let golden = load("datasets");
    for case in list(&golden["splits"]) {
        manual_seed(13);
        let items = Numbers(case["n"].as_u64().unwrap() as usize);
        let indices = |generator: Option<&Generator>| -> Vec<Vec<usize>> {
            random_split(items.clone(), lengths(case), generator).iter().map(|part| part.indices().to_vec()).collect()
        };
        assert_eq!(indices(None), from_value::<Vec<Vec<usize>>>(case["parts"].clone()).unwrap());
        let own = Generator::from_seed(14);
        assert_eq!(indices(Some(&own)), from_value::<Vec<Vec<usize>>>(case["own"].clone()).unwrap());
        assert_eq!(default_generator().random_i64(), case["after"].as_i64().unwrap());
    }
}

/// For each part the number of items of each class, and the indices. Every item is in one part.
fn stratified(targets: &[usize], lengths: impl Into<Lengths>, seed: u64) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let own = Generator::from_seed(seed);
    let parts = stratified_split(Numbers(targets.len()), targets, lengths, Some(&own));
    let parts: Vec<Vec<usize>> = parts.iter().map(|part| part.indices().to_vec()).collect();
    let mut all = parts.concat();
    all.sort();
    assert_eq!(all, (0..targets.len()).collect::<Vec<_>>());
    let classes = targets.iter().max().map_or(0, |&last| last + 1);
    let count = |part: &Vec<usize>, class| part.iter().filter(|&&item| targets[item] == class).count();
    (parts.iter().map(|part| (0..classes).map(|class| count(part, class)).collect()).collect(), parts)
}

/// Targets with these numbers of each class, in turn as long as there are any.
fn mixed(counts: &[usize]) -> Vec<usize> {
    let most = counts.iter().copied().max().unwrap_or(0);
    (0..most).flat_map(|i| (0..counts.len()).filter(move |&class| i < counts[class])).collect()
}

#[test]
fn stratified_splits_have_scikit_learns_proportions() {
    let golden = load("datasets");
    let cases = list(&golden["stratified"]);
    assert_eq!(cases.len(), 7);
    for case in cases {
        let want: Vec<Vec<usize>> = from_value(case["parts"].clone()).unwrap();
        let counts: Vec<usize> = numbers(&case["counts"]).unwrap();
        assert_eq!(stratified(&mixed(&counts), lengths(case), 1).0, want, "{case}");
    }
}

#[test]
fn stratified_splits_divide_every_class() {
    let counts = |counts: &[usize], lengths: Lengths| stratified(&mixed(counts), lengths, 2).0;
    // Ties go to the first classes.
    assert_eq!(counts(&[3, 3, 3], [5, 4].into()), [[2, 2, 1], [1, 1, 2]]);
    // Three parts: each within one item of its share of 5 and of 10.
    assert_eq!(counts(&[5, 10], [0.6, 0.2, 0.2].into()), [[3, 6], [1, 2], [1, 2]]);
    // One item of each class in each part, as long as its length permits without and then with making it longer.
    assert_eq!(counts(&[2, 98], [90, 10].into()), [[1, 89], [1, 9]]);
    assert_eq!(counts(&[2, 98], [10, 90].into()), [[1, 9], [1, 89]]);
    assert_eq!(counts(&[2, 2, 2], [5, 1].into()), [[1, 1, 1], [1, 1, 1]]);
    assert_eq!(counts(&[2, 2, 2], [1, 5].into()), [[1, 1, 1], [1, 1, 1]]);
    assert_eq!(counts(&[3, 40], [40, 1, 2].into()), [[1, 38], [1, 1], [1, 1]]);
    // An empty part needs none.
    assert_eq!(counts(&[1, 4], [5, 0].into()), [[1, 4], [0, 0]]);
    assert_eq!(counts(&[], [0, 0].into()), [[], []] as [[usize; 0]; 2]);

    // The draw: one permutation, of which each part takes its share in order; with one class that is a random split.
    let (_, parts) = stratified(&[0; 20], [13, 7], 3);
    let want = random_split(Numbers(20), [13, 7], Some(&Generator::from_seed(3)));
    assert_eq!(parts, want.iter().map(|part| part.indices().to_vec()).collect::<Vec<_>>());
    let targets = mixed(&[30, 20]);
    let (_, parts) = stratified(&targets, [0.5, 0.5], 4);
    assert_eq!(parts, stratified(&targets, [0.5, 0.5], 4).1);
    assert_ne!(parts, stratified(&targets, [0.5, 0.5], 5).1);
    let place: Vec<i64> = Generator::from_seed(4).randperm(50);
    let place = |item: &usize| place.iter().position(|&i| i as usize == *item).unwrap();
    assert!(parts.iter().all(|part| part.is_sorted_by_key(place)));
}

#[test]
fn stratified_splits_that_are_refused() {
    let error = |targets: &[&str], lengths: Lengths| {
        try_stratified_split(Numbers(5), targets, lengths, None).err().unwrap().to_string()
    };
    let targets = ["cat", "cat", "dog", "cat", "owl"];
    assert_eq!(
        error(&targets, [0.5, 0.5].into()),
        "stratified_split: expected at least 2 items of each class, one for each part, got 1 of class dog, 1 of class owl"
    );
    let two = ["cat", "cat", "dog", "cat", "dog"];
    let few = "stratified_split: expected at least 3 items of each class, one for each part, got 2 of class dog";
    assert_eq!(error(&two, [2, 2, 1].into()), few);
    assert_eq!(try_stratified_split(Numbers(5), &two, [3, 0, 2], None).unwrap()[1].len(), 0);
    assert_eq!(
        error(&targets[..4], [0.5, 0.5].into()),
        "stratified_split: expected a target for each of the 5 items, got 4"
    );
    assert!(error(&two, [3, 3].into()).starts_with("stratified_split: Sum of input lengths"));
    assert!(error(&two, [0.5, 0.6].into()).starts_with("stratified_split: expected fractions that sum to 1"));
}
