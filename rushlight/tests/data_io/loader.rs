//! Loaders against PyTorch's orders and draws, with and without workers, and with failing datasets.

use crate::golden;
use rushlight::data::{
    BatchSampler, ConcatDataset, DataLoader, Dataset, RandomSampler, Sampler, SequentialSampler, Subset,
    SubsetRandomSampler, TensorDataset, WeightedRandomSampler, sample_generator, try_random_split,
};
use rushlight::random::{Generator, default_generator};
use rushlight::{Error, Result, Tensor, TensorOptions, manual_seed};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The default generator, which every epoch draws from, and the number of threads are global to the process: tests run
/// one at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The integers 0 to n - 1.
#[derive(Clone)]
pub(crate) struct Numbers(pub(crate) usize);

impl Dataset for Numbers {
    type Item = i64;

    fn len(&self) -> usize {
        self.0
    }

    fn get(&self, index: usize) -> Result<i64> {
        Ok(index as i64)
    }
}

fn epoch<D: Dataset<Item = i64> + 'static>(loader: &DataLoader<D>) -> Vec<Vec<i64>> {
    loader.try_iter().map(|batch| batch.unwrap().to_vec::<i64>()).collect()
}

fn rand(generator: &Generator) -> f32 {
    Tensor::rand_with([1], TensorOptions::new().generator(generator)).item_as()
}

#[test]
fn orders_and_draws_are_pytorchs_for_any_number_of_workers() {
    let _turn = alone();
    let golden = golden::load("nn");
    let cases = golden["loaders"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for (case, num_workers) in cases.iter().flat_map(|case| [0, 1, 2, 5].map(|workers| (case, workers))) {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        manual_seed(0);
        let own = case["own_generator_seed"].as_u64().map(Generator::from_seed);
        let mut builder = DataLoader::builder(Numbers(number("n")))
            .batch_size(number("batch_size"))
            .shuffle(case["shuffle"].as_bool().unwrap())
            .drop_last(case["drop_last"].as_bool().unwrap())
            .num_workers(num_workers);
        if let Some(own) = &own {
            builder = builder.generator(own);
        }
        let loader = builder.try_build().unwrap();
        assert_eq!(loader.len(), number("len"));
        for want in case["epochs"].as_array().unwrap() {
            let want: Vec<Vec<i64>> = serde_json::from_value(want.clone()).unwrap();
            assert_eq!(epoch(&loader), want, "{num_workers} workers, {case}");
        }
        assert_eq!(f64::from(rand(default_generator())), case["next_default"].as_f64().unwrap() as f32 as f64);
        if let Some(own) = &own {
            assert_eq!(rand(own), case["next_own"].as_f64().unwrap() as f32);
        }
    }
}

/// What a separate generator has drawn by the time the consumer stops must not depend on how far the workers have run
/// ahead.
#[test]
fn stopping_early_leaves_the_generator_where_it_would_be_without_workers() {
    let _turn = alone();
    let after = |items: usize, stop: usize, num_workers: usize| {
        let own = Generator::from_seed(1);
        let builder = DataLoader::builder(Numbers(items)).batch_size(4).shuffle(true);
        let loader = builder.num_workers(num_workers).generator(&own).try_build().unwrap();
        let taken: Vec<_> = loader.try_iter().take(stop).map(|batch| batch.unwrap().to_vec::<i64>()).collect();
        (taken, rand(&own))
    };
    for items in [12, 10] {
        for stop in 0..=4 {
            assert_eq!(after(items, stop, 0), after(items, stop, 2), "{items} items, stopped after {stop} batches");
        }
    }
    // With a short last batch a second permutation is drawn, but only after a full batch.
    let drawn = |items: usize, stop: usize| {
        let own = Generator::from_seed(1);
        own.random_i64();
        let permutations = (0..3).map(|_| {
            let next = rand(&Generator::clone(&own_copy(&own)));
            own.randperm(items);
            next
        });
        permutations.collect::<Vec<_>>().iter().position(|&next| next == after(items, stop, 0).1).unwrap()
    };
    assert_eq!([drawn(12, 2), drawn(12, 3), drawn(10, 2), drawn(10, 3)], [1, 1, 1, 2]);
}

/// A separate generator in the same state.
fn own_copy(generator: &Generator) -> Generator {
    let copy = Generator::new();
    copy.set_state(&generator.get_state()).unwrap();
    copy
}

#[test]
fn samplers() {
    let _turn = alone();
    let order = |sampler: &dyn Sampler| sampler.iter().collect::<Vec<_>>();
    assert_eq!(order(&SequentialSampler::new(3)), [0, 1, 2]);
    assert!(SequentialSampler::new(0).is_empty());
    let g = || Generator::from_seed(3);

    let random = RandomSampler::new(4).num_samples(10).generator(&g());
    assert_eq!((Sampler::len(&random), order(&random).len()), (10, 10));

    let subset = SubsetRandomSampler::new([10, 20, 30]).generator(&g());
    let want: Vec<usize> = g().randperm(3).into_iter().map(|i| [10, 20, 30][i as usize]).collect();
    assert_eq!((order(&subset), subset.len()), (want, 3));

    let weighted = WeightedRandomSampler::try_new(&[0.0, 1.0, 0.0, 3.0], 100, true).unwrap().generator(&g());
    let drawn = order(&weighted);
    assert_eq!(drawn.len(), 100);
    let threes = drawn.iter().filter(|&&item| item == 3).count();
    assert!(drawn.iter().all(|item| [1, 3].contains(item)) && (60..90).contains(&threes));
    let once = WeightedRandomSampler::try_new(&[0.0, 1.0, 0.0, 3.0], 2, false).unwrap().generator(&g());
    assert_eq!(order(&once).into_iter().collect::<std::collections::BTreeSet<_>>(), [1, 3].into());
    for (weights, count, replacement) in
        [(&[0.0, 0.0][..], 1, true), (&[1.0, -1.0], 1, true), (&[f64::NAN], 1, true), (&[1.0, 1.0], 3, false)]
    {
        let error = WeightedRandomSampler::try_new(weights, count, replacement).unwrap_err().to_string();
        assert!(error.starts_with("WeightedRandomSampler: "), "{error}");
    }

    for (drop_last, len) in [(true, 2), (false, 3)] {
        let batches = BatchSampler::try_new(SequentialSampler::new(8), 3, drop_last).unwrap();
        assert_eq!((batches.len(), batches.iter().count()), (len, len));
    }
    assert!(BatchSampler::try_new(SequentialSampler::new(8), 0, false).is_err());
}

#[test]
fn loaders_take_samplers() {
    let _turn = alone();
    let loader =
        DataLoader::builder(Numbers(10)).batch_size(2).sampler(SubsetRandomSampler::new([7, 7, 7])).try_build();
    assert_eq!(epoch(&loader.unwrap()), [vec![7, 7], vec![7]]);
    let batches = BatchSampler::try_new(SequentialSampler::new(5), 3, false).unwrap();
    for num_workers in [0, 2] {
        let builder = DataLoader::builder(Numbers(5)).batch_sampler(batches.clone()).num_workers(num_workers);
        let loader = builder.try_build().unwrap();
        assert_eq!((loader.len(), epoch(&loader)), (2, vec![vec![0, 1, 2], vec![3, 4]]));
    }
    let loader = DataLoader::builder(Numbers(3)).sampler(SequentialSampler::new(4)).try_build().unwrap();
    let last = loader.try_iter().last().unwrap().unwrap_err();
    assert_eq!(
        last.to_string(),
        "batch 3: DataLoader: expected indices below the length 3 of the data set, got 3 from the sampler"
    );
}

#[test]
fn contradictory_options_are_rejected() {
    let _turn = alone();
    let builder = || DataLoader::builder(Numbers(4));
    let order = || SequentialSampler::new(4);
    let batches = || BatchSampler::try_new(order(), 2, false).unwrap();
    for (builder, message) in [
        (builder().batch_size(0), "DataLoader: expected a batch_size of at least 1, got 0"),
        (builder().prefetch_factor(0), "DataLoader: expected a prefetch_factor of at least 1, got 0"),
        (builder().sampler(order()).shuffle(true), "DataLoader: expected either sampler or shuffle, got both"),
        (builder().batch_sampler(batches()).batch_size(1), "DataLoader: expected batch_sampler without batch_size"),
        (builder().batch_sampler(batches()).drop_last(true), "DataLoader: expected batch_sampler without batch_size"),
        (builder().batch_sampler(batches()).sampler(order()), "DataLoader: expected batch_sampler without batch_size"),
    ] {
        let error = builder.try_build().unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

/// Fails at item 5, panics at 9, panics in an operation at 13.
struct Faulty;

impl Dataset for Faulty {
    type Item = i64;

    fn len(&self) -> usize {
        16
    }

    fn get(&self, index: usize) -> Result<i64> {
        match index {
            5 => Tensor::from([1, 2]).try_item_as(),
            9 => panic!("nine"),
            13 => Ok((Tensor::zeros([2]) + Tensor::zeros([3])).item_as()),
            _ => Ok(index as i64),
        }
    }
}

#[test]
fn errors_and_panics_name_the_item_and_the_epoch_goes_on() {
    let _turn = alone();
    std::panic::set_hook(Box::new(|_| {})); // the expected panic occurs six times
    for num_workers in [0, 1, 3] {
        let loader = DataLoader::builder(Faulty).batch_size(4).num_workers(num_workers).try_build().unwrap();
        for _ in 0..2 {
            let batches: Vec<_> = loader.try_iter().collect();
            assert_eq!(batches[0].as_ref().unwrap().to_vec::<i64>(), [0, 1, 2, 3]);
            let errors: Vec<String> = batches[1..].iter().map(|b| b.as_ref().unwrap_err().to_string()).collect();
            let one = &errors[0];
            assert!(one.starts_with("item 5 of the data set: item: ") && one.contains("[2]"), "{one}");
            assert_eq!(errors[1], "item 9 of the data set: panic: nine");
            assert!(
                errors[2].starts_with("item 13 of the data set: add: expected broadcastable shapes, got [2] and [3]"),
                "{}",
                errors[2]
            );
            let Err(Error::At { source, .. }) = &batches[3] else { panic!() };
            assert!(matches!(**source, Error::Shape { .. }), "the typed error of the operation");
        }
    }
    let _ = std::panic::take_hook();
    // Items whose shapes do not match name the batch.
    struct Ragged;
    impl Dataset for Ragged {
        type Item = Tensor;
        fn len(&self) -> usize {
            4
        }
        fn get(&self, index: usize) -> Result<Tensor> {
            Tensor::try_zeros([index / 3])
        }
    }
    for num_workers in [0, 2] {
        let loader = DataLoader::builder(Ragged).batch_size(2).num_workers(num_workers).try_build().unwrap();
        let error = loader.try_iter().nth(1).unwrap().unwrap_err().to_string();
        assert!(error.starts_with("batch 1: stack: ") && error.contains("[0]") && error.contains("[1]"), "{error}");
    }
}

#[test]
fn whole_batches_equal_stacked_items() {
    let _turn = alone();
    let x = Tensor::arange(60.0).view([10, 2, 3]);
    let (y, flags) = (Tensor::arange(10), Tensor::arange(10).gt(4));
    // Not contiguous: the dataset copies it once.
    let dataset = Arc::new(TensorDataset::try_new((x.transpose(1, 2), y, flags)).unwrap());
    let single = dataset.clone().map(Ok); // reads one item at a time
    let both = Subset::try_new(dataset.clone(), [9, 0, 3, 3]).unwrap();
    let parts = ConcatDataset::new([both.clone(), both.clone()]);
    let texts = |loader: &mut dyn Iterator<Item = Result<(Tensor, Tensor, Tensor)>>| {
        loader.map(|batch| batch.map(|(x, y, z)| format!("{x}\n{y}\n{z}")).unwrap()).collect::<Vec<_>>()
    };
    let order = || RandomSampler::new(10).generator(&Generator::from_seed(5));
    let whole = DataLoader::builder(dataset.clone()).batch_size(4).sampler(order()).try_build().unwrap();
    let stacked = DataLoader::builder(single).batch_size(4).sampler(order()).num_workers(2).try_build().unwrap();
    assert_eq!(texts(&mut whole.try_iter()), texts(&mut stacked.try_iter()));
    let subset = DataLoader::builder(both).batch_size(4).try_build().unwrap();
    let twice = DataLoader::builder(parts).batch_size(4).try_build().unwrap();
    assert_eq!(texts(&mut twice.try_iter()), [texts(&mut subset.try_iter()), texts(&mut subset.try_iter())].concat());
    let (_, y, _) = subset.try_iter().next().unwrap().unwrap();
    assert_eq!(y.to_vec::<i64>(), [9, 0, 3, 3]);

    let boxed: Vec<Box<dyn Dataset<Item = Tensor>>> = vec![
        Box::new(TensorDataset::try_new(Tensor::zeros([2])).unwrap()),
        Box::new(TensorDataset::try_new(Tensor::ones([3])).unwrap().map(|x| x.try_mul(2.0))),
    ];
    let loader = DataLoader::builder(ConcatDataset::new(boxed)).batch_size(5).try_build().unwrap();
    assert_eq!(loader.try_iter().next().unwrap().unwrap().to_vec::<f32>(), [0.0, 0.0, 2.0, 2.0, 2.0]);
}

#[test]
fn datasets_reject_mismatched_tensors() {
    let _turn = alone();
    let message = |error: Error| error.to_string();
    let x = || Tensor::zeros([3, 2]);
    assert_eq!(
        message(TensorDataset::try_new((x(), Tensor::zeros([4]))).err().unwrap()),
        "TensorDataset: expected tensors with the same first dimension, the number of items, got shapes [3, 2] (tensor 0) and [4] (tensor 1)"
    );
    assert!(TensorDataset::try_new(Vec::new()).is_err());
    assert!(TensorDataset::try_new(Tensor::from(1.0f32)).is_err());
    let dataset = TensorDataset::try_new(x()).unwrap();
    assert_eq!(message(dataset.get(3).unwrap_err()), "TensorDataset: expected an index below 3, got 3");
    assert_eq!(message(Subset::try_new(&dataset, [0, 3]).err().unwrap()), "Subset: expected an index below 3, got 3");
    assert!(ConcatDataset::new([&dataset, &dataset]).get(6).is_err());
    assert!(ConcatDataset::new(Vec::<Numbers>::new()).is_empty());
    assert!(message(try_random_split(&dataset, [1, 1], None).err().unwrap()).starts_with("random_split: Sum of input"));
    assert!(try_random_split(&dataset, [0.5, 0.4], None).is_err());
}

#[test]
fn random_split_is_a_partition() {
    let _turn = alone();
    let parts = try_random_split(Numbers(10), [0.5, 0.25, 0.25], Some(&Generator::from_seed(42))).unwrap();
    let indices: Vec<usize> = parts.iter().flat_map(|part| part.indices().to_vec()).collect();
    let want: Vec<usize> = Generator::from_seed(42).randperm(10).into_iter().map(|i| i as usize).collect();
    assert_eq!(indices, want);
    assert_eq!(parts.iter().map(Dataset::len).collect::<Vec<_>>(), [6, 2, 2]);
    assert_eq!(try_random_split(Numbers(3), [2, 1], None).unwrap()[1].dataset().len(), 3);
}

#[test]
fn collating() {
    let _turn = alone();
    type Item = (Vec<f32>, [bool; 2], String, BTreeMap<&'static str, usize>);
    struct Mixed;
    impl Dataset for Mixed {
        type Item = Item;
        fn len(&self) -> usize {
            3
        }
        fn get(&self, i: usize) -> Result<Item> {
            Ok((vec![i as f32, 0.5], [i == 1, true], i.to_string(), BTreeMap::from([("a", i), ("b", 7)])))
        }
    }
    let loader = DataLoader::builder(Mixed).batch_size(3).num_workers(1).try_build().unwrap();
    let (list, flags, texts, map) = loader.try_iter().next().unwrap().unwrap();
    assert_eq!((list.len(), list[0].to_vec::<f32>()), (2, vec![0.0, 1.0, 2.0]));
    assert_eq!(flags[0].to_vec::<bool>(), [false, true, false]);
    assert_eq!(texts, ["0", "1", "2"]);
    assert_eq!((map["a"].to_vec::<i64>(), map["b"].to_vec::<i64>()), (vec![0, 1, 2], vec![7; 3]));

    use rushlight::data::Collate;
    let error = Collate::collate(vec![vec![1i64], vec![]]).err().unwrap().to_string();
    assert_eq!(error, "collate: expected lists of equal length, got 1 elements in list 0 and 0 in list 1");
    let error = Collate::collate(vec![BTreeMap::from([("a", 1i64)]), BTreeMap::new()]).err().unwrap().to_string();
    assert_eq!(error, "collate: expected maps with equal keys, got [\"a\"] in map 0 and [] in map 1");
}

#[test]
fn random_changes_do_not_depend_on_the_workers() {
    let _turn = alone();
    let noise = |num_workers: usize, batch_size: usize| {
        manual_seed(7);
        let dataset = Numbers(20).map(|i| {
            let g = sample_generator();
            let first = rand(&g);
            Ok((i, first, rand(&sample_generator())))
        });
        let builder = DataLoader::builder(dataset).batch_size(batch_size).shuffle(true).num_workers(num_workers);
        let loader = builder.try_build().unwrap();
        let epoch = || {
            let batches = loader.try_iter().map(|batch| batch.map(|(i, a, b)| [i.to_dtype(a.dtype()), a, b]).unwrap());
            batches.fold([const { Vec::new() }; 3], |mut all: [Vec<f32>; 3], batch| {
                all.iter_mut().zip(batch).for_each(|(all, part)| all.extend(part.to_vec::<f32>()));
                all
            })
        };
        (epoch(), epoch())
    };
    let (first, second) = noise(0, 4);
    assert_eq!((first.clone(), second.clone()), noise(3, 4));
    assert_eq!((first.clone(), second.clone()), noise(2, 7), "nor on the batch size");
    let [items, a, b] = &first;
    let mut sorted = items.clone();
    sorted.sort_by(f32::total_cmp);
    assert_eq!(sorted, (0..20).map(|i| i as f32).collect::<Vec<_>>());
    let mut all: Vec<u32> = [a, b, &second[1], &second[2]].into_iter().flatten().map(|x| x.to_bits()).collect();
    all.sort();
    all.dedup();
    assert!(all.len() >= 79, "items, calls and epochs draw different numbers");
    manual_seed(1);
    let outside = rand(&sample_generator());
    manual_seed(1);
    assert_eq!(outside, rand(default_generator()), "outside of a loader it is the default generator");
}

#[cfg(target_os = "linux")]
pub(crate) fn loader_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks.filter(|t| std::fs::read_to_string(t.path().join("comm")).is_ok_and(|c| c.starts_with("loader-"))).count()
}

/// Slow items that count how often they are read.
struct Slow(Arc<AtomicUsize>);

impl Dataset for Slow {
    type Item = i64;

    fn len(&self) -> usize {
        10_000
    }

    fn get(&self, index: usize) -> Result<i64> {
        self.0.fetch_add(1, SeqCst);
        std::thread::sleep(Duration::from_micros(300));
        Ok(index as i64)
    }
}

/// Whether something that other threads do comes about within ten seconds.
#[cfg(target_os = "linux")]
pub(crate) fn soon(done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !done() && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(1));
    }
    done()
}

#[test]
#[cfg(target_os = "linux")]
fn workers_run_ahead_within_bounds_and_end_with_the_iterator() {
    let _turn = alone();
    let read = Arc::new(AtomicUsize::new(0));
    let builder = DataLoader::builder(Slow(read.clone())).batch_size(2).num_workers(3).prefetch_factor(2);
    let loader = builder.try_build().unwrap();
    let mut batches = loader.try_iter();
    assert_eq!(loader_threads(), 0, "nothing runs before the first request");
    for number in 0..5 {
        batches.next().unwrap().unwrap();
        assert!(read.load(SeqCst) <= 2 * (number + 1 + 6), "six batches ahead at most");
    }
    // A thread has its name, by which it is counted, only once it has been scheduled.
    assert!(soon(|| loader_threads() == 3));
    assert!(soon(|| read.load(SeqCst) == 2 * (5 + 6)), "six batches ahead, given time");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(read.load(SeqCst), 2 * (5 + 6), "and not more");
    drop(batches);
    assert!(soon(|| loader_threads() == 0));
    assert_eq!(read.load(SeqCst), 2 * (5 + 6));

    // An epoch that was read to its end has no threads left either, even while the iterator is still alive.
    let loader = DataLoader::builder(Numbers(10)).num_workers(2).try_build().unwrap();
    let mut batches = loader.try_iter();
    assert_eq!(batches.by_ref().count(), 10);
    assert!(soon(|| loader_threads() == 0));
    assert!(batches.next().is_none() && batches.len() == 0);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat() {
    let _turn = alone();
    let resident = || -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let dataset = TensorDataset::try_new((Tensor::rand([2_000, 256]), Tensor::zeros([2_000]))).unwrap();
    for num_workers in [0, 2] {
        let builder = DataLoader::builder(dataset.clone()).batch_size(64).shuffle(true).num_workers(num_workers);
        let loader = builder.try_build().unwrap();
        let epochs = |count: usize| (0..count).for_each(|_| loader.try_iter().for_each(|batch| drop(batch.unwrap())));
        epochs(20);
        let before = resident();
        epochs(200);
        // 200 epochs produce 400 MB; other tests of this process need some memory, too.
        assert!(resident() < before + (64 << 20), "{num_workers} workers: {before} bytes became {}", resident());
    }
}

#[test]
fn recording_follows_the_consumer() {
    let _turn = alone();
    let x = Tensor::ones([4, 2]).requires_grad_(true);
    let loader =
        DataLoader::builder(TensorDataset::try_new(x).unwrap()).batch_size(2).num_workers(1).try_build().unwrap();
    assert!(loader.try_iter().next().unwrap().unwrap().requires_grad());
    rushlight::no_grad(|| assert!(!loader.try_iter().next().unwrap().unwrap().requires_grad()));
}
