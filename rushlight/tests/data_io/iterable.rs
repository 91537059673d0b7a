//! Iterable data sets: PyTorch's batches, for any number of workers.

use crate::golden::{list, load, numbers};
use crate::loader::alone;
use rushlight::data::{DataLoader, Dataset, IterableDataLoader, IterableDataset, sample_generator};
use rushlight::random::{Generator, default_generator};
use rushlight::{Error, Result, Tensor, TensorOptions, manual_seed};
use serde_json::from_value;
use std::sync::Arc;
use std::time::Duration;

type Items<T> = Box<dyn Iterator<Item = Result<T>> + Send>;

/// Shard k has the items 100 k, 100 k + 1, ….
#[derive(Clone)]
struct Shards(Vec<i64>);

impl IterableDataset for Shards {
    type Item = i64;

    fn num_shards(&self) -> usize {
        self.0.len()
    }

    fn iter(&self, shard: usize) -> Items<i64> {
        let start = 100 * shard as i64;
        Box::new((start..start + self.0[shard]).map(|i| {
            if i % 3 == 0 {
                std::thread::sleep(Duration::from_micros(200));
            }
            Ok(i)
        }))
    }
}

#[test]
fn batches_are_pytorchs_with_a_worker_per_shard() {
    let _turn = alone();
    let golden = load("datasets");
    let cases = list(&golden["iterables"]);
    assert_eq!(cases.len(), 12);
    for (case, num_workers) in cases.iter().flat_map(|case| [0, 1, 2, 5].map(|workers| (case, workers))) {
        manual_seed(15);
        let loader = IterableDataLoader::builder(Shards(numbers(&case["sizes"]).unwrap()))
            .batch_size(2)
            .drop_last(case["drop_last"].as_bool().unwrap())
            .num_workers(num_workers)
            .build();
        for epoch in list(&case["epochs"]) {
            let batches: Vec<Vec<i64>> = loader.iter().map(|batch| batch.to_vec()).collect();
            assert_eq!(batches, from_value::<Vec<Vec<i64>>>(epoch.clone()).unwrap(), "{num_workers} workers, {case}");
        }
        assert_eq!(default_generator().random_i64(), case["after"].as_i64().unwrap());
    }
}

/// A stream in a random order, of items with noise.
struct Noise;

impl IterableDataset for Noise {
    type Item = (i64, f32);

    fn num_shards(&self) -> usize {
        3
    }

    fn iter(&self, shard: usize) -> Items<(i64, f32)> {
        let order = sample_generator().randperm(5 + shard);
        Box::new(order.into_iter().map(|i| {
            let noise = Tensor::rand_with([1], TensorOptions::new().generator(sample_generator()));
            Ok((i, noise.item_as()))
        }))
    }
}

#[test]
fn random_numbers_do_not_depend_on_the_workers() {
    let _turn = alone();
    let read = |num_workers, batch_size, seed| {
        let own = Generator::from_seed(seed);
        let loader = IterableDataLoader::builder(Noise).batch_size(batch_size).num_workers(num_workers).generator(&own);
        let loader = loader.build();
        let epoch = || {
            let batches = loader.iter().map(|(i, noise)| i.to_vec::<i64>().into_iter().zip(noise.to_vec::<f32>()));
            batches.flatten().collect::<Vec<_>>()
        };
        (epoch(), epoch())
    };
    let (first, second) = read(0, 2, 1);
    assert_eq!((first.clone(), second.clone()), read(4, 2, 1));
    assert_ne!((first.clone(), second.clone()), read(4, 2, 2));
    let mut all: Vec<u32> = [&first, &second].into_iter().flatten().map(|(_, noise)| noise.to_bits()).collect();
    all.sort();
    all.dedup();
    assert!(all.len() >= 35, "items and epochs draw different numbers: {}", all.len());
    // The items of a shard are the same in batches of another size.
    let sorted = |first: Vec<(i64, f32)>| {
        let mut items: Vec<(i64, u32)> = first.into_iter().map(|(i, noise)| (i, noise.to_bits())).collect();
        items.sort();
        items
    };
    assert_eq!(sorted(read(2, 2, 1).0), sorted(read(2, 5, 1).0));
}

/// Three items each; shard 1 fails at the second one, shard 2 panics at the first, shard 3 cannot be opened.
struct Faulty;

impl IterableDataset for Faulty {
    type Item = i64;

    fn num_shards(&self) -> usize {
        4
    }

    fn iter(&self, shard: usize) -> Items<i64> {
        match shard {
            0 => Box::new([Ok(1), Ok(2), Ok(3)].into_iter()),
            1 => Box::new((0..3).map(|i| if i == 1 { Tensor::from([1, 2]).try_item_as() } else { Ok(i) })),
            2 => Box::new((0..3).map(|_| panic!("two"))),
            _ => {
                let _ = Tensor::zeros([2]) + Tensor::zeros([3]);
                Box::new(std::iter::empty())
            }
        }
    }
}

#[test]
fn an_error_ends_its_stream_only() {
    let _turn = alone();
    std::panic::set_hook(Box::new(|_| {})); // the expected panics
    for num_workers in [0, 1, 4] {
        let loader = IterableDataLoader::builder(Faulty).num_workers(num_workers).build();
        let batches: Vec<Result<i64, String>> =
            loader.try_iter().map(|batch| batch.map(|x| x.item_as()).map_err(|error| error.to_string())).collect();
        let [one, zero, panic, open, two, item, three] = &batches[..] else { panic!("{batches:?}") };
        assert_eq!([one, zero, two, three], [&Ok(1), &Ok(0), &Ok(2), &Ok(3)]);
        assert_eq!(panic, &Err("item 0 of stream 2 of the data set: panic: two".to_string()));
        let text = |result: &Result<i64, String>| result.clone().unwrap_err();
        assert!(text(open).starts_with("stream 3 of the data set: add: expected broadcastable shapes"), "{open:?}");
        assert!(text(item).starts_with("item 1 of stream 1 of the data set: item: "), "{item:?}");
        let stopped = std::panic::catch_unwind(|| loader.iter().count()).unwrap_err();
        assert!(stopped.downcast_ref::<String>().unwrap().contains("panic: two"));
    }
    let _ = std::panic::take_hook();
    let failing = IterableDataLoader::builder(Shards(vec![3])).collate_fn(|items: Vec<i64>| -> Result<usize> {
        Err(Error::Value { op: "collate", message: format!("{} items", items.len()) })
    });
    let loader = failing.batch_size(2).num_workers(1).build();
    let errors: Vec<String> = loader.try_iter().map(|batch| batch.unwrap_err().to_string()).collect();
    assert_eq!(errors, ["batch 0: collate: 2 items", "batch 1: collate: 1 items"]);
}

#[test]
fn streams_take_functions_pointers_and_options() {
    let _turn = alone();
    let dataset: Box<dyn IterableDataset<Item = i64>> = Box::new(Arc::new(Shards(vec![4, 2])));
    let doubled = dataset.map(|i| Ok((i, 2 * i)));
    let loader = IterableDataLoader::builder(doubled).batch_size(3).num_workers(2).prefetch_factor(1).build();
    let read: Vec<(Vec<i64>, Vec<i64>)> = loader.iter().map(|(a, b)| (a.to_vec(), b.to_vec())).collect();
    assert_eq!(read[0], (vec![0, 1, 2], vec![0, 2, 4]));
    assert_eq!((&read[1].0, &read[2].0, read.len()), (&vec![100, 101], &vec![3], 3));
    assert_eq!(loader.dataset().num_shards(), 2);
    assert_eq!(IterableDataLoader::builder(Shards(vec![])).num_workers(2).build().iter().count(), 0);
    let batches = IterableDataLoader::builder(Shards(vec![])).batch_size(0).try_build().unwrap_err().to_string();
    assert_eq!(batches, "IterableDataLoader: expected a batch_size of at least 1, got 0");
    let factor = IterableDataLoader::builder(Shards(vec![])).prefetch_factor(0).try_build().unwrap_err().to_string();
    assert_eq!(factor, "IterableDataLoader: expected a prefetch_factor of at least 1, got 0");
}

/// Numbers without end.
struct Endless;

impl IterableDataset for Endless {
    type Item = i64;

    fn iter(&self, _shard: usize) -> Items<i64> {
        Box::new((0..).map(Ok))
    }
}

#[test]
#[cfg(target_os = "linux")]
fn endless_streams_stop_with_the_iterator() {
    use crate::loader::{loader_threads, soon};
    let _turn = alone();
    for num_workers in [0, 1, 4] {
        let loader = IterableDataLoader::builder(Endless).batch_size(3).num_workers(num_workers).build();
        let mut batches = loader.iter();
        for number in 0..5 {
            assert_eq!(batches.next().unwrap().to_vec::<i64>(), [3 * number, 3 * number + 1, 3 * number + 2]);
        }
        drop(batches);
        assert!(soon(|| loader_threads() == 0), "{num_workers} workers");
    }
}

/// Each item is the sum of what a loader of its own reads.
struct Nested;

impl Dataset for Nested {
    type Item = i64;

    fn len(&self) -> usize {
        12
    }

    fn get(&self, index: usize) -> Result<i64> {
        let own = Generator::from_seed(index as u64);
        let inner =
            IterableDataLoader::builder(Shards(vec![index as i64; 2])).batch_size(2).num_workers(2).generator(&own);
        inner.build().try_iter().map(|batch| Ok(batch?.sum().item_as::<i64>())).sum()
    }
}

#[test]
fn loaders_may_be_nested() {
    let _turn = alone();
    for num_workers in [0, 1, 4] {
        let loader = DataLoader::builder(Nested).batch_size(5).num_workers(num_workers).build();
        let sums: Vec<i64> = loader.iter().flat_map(|batch| batch.to_vec::<i64>()).collect();
        let want = |i: i64| i * (i - 1) + 100 * i;
        assert_eq!(sums, (0..12).map(want).collect::<Vec<_>>());
    }
}
