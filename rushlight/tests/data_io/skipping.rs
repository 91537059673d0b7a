//! Items that cannot be read, left out and counted.

use crate::loader::alone;
use rushlight::data::{BatchSampler, DataLoader, Dataset, SequentialSampler, TensorDataset, sample_generator};
use rushlight::random::Generator;
use rushlight::{Error, Result, Tensor, TensorOptions};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Fails at multiples of 4, panics in an operation at 6; the error counts the calls.
#[derive(Default)]
struct Faulty(AtomicUsize);

impl Dataset for Faulty {
    type Item = i64;

    fn len(&self) -> usize {
        14
    }

    fn get(&self, index: usize) -> Result<i64> {
        let call = self.0.fetch_add(1, SeqCst);
        match index {
            6 => Ok((Tensor::zeros([2]) + Tensor::zeros([3])).item_as()),
            i if i.is_multiple_of(4) => Err(Error::Value { op: "file", message: format!("{i} damaged, call {call}") }),
            _ => Ok(index as i64),
        }
    }
}

#[test]
fn batches_without_the_items_that_cannot_be_read() {
    let _turn = alone();
    for num_workers in [0, 1, 4] {
        let builder = DataLoader::builder(Faulty::default()).batch_size(3).num_workers(num_workers).skip_errors(true);
        let loader = builder.build();
        assert!(loader.skipped().is_empty());
        let mut batches = loader.iter();
        assert_eq!((batches.size_hint(), batches.len()), ((0, Some(5)), 5));
        let mut read: Vec<Vec<i64>> = vec![batches.next().unwrap().to_vec(), batches.next().unwrap().to_vec()];
        // Workers that have read further do not change what is reported so far.
        let indices = || loader.skipped().iter().map(|skipped| skipped.index()).collect::<Vec<_>>();
        assert_eq!((indices(), batches.len()), (vec![0, 4], 3));
        read.extend(batches.map(|batch| batch.to_vec()));
        assert_eq!(read, [vec![1, 2], vec![3, 5], vec![7], vec![9, 10, 11], vec![13]]);
        assert_eq!(indices(), [0, 4, 6, 8, 12]);
        let first: Vec<String> = loader.skipped().iter().map(|skipped| skipped.error().to_string()).collect();
        assert!(first[1].starts_with("file: 4 damaged, call "), "{first:?}");
        assert!(first[2].starts_with("add: expected broadcastable shapes"), "{first:?}");
        assert_eq!(loader.iter().count(), 5);
        let again: Vec<String> = loader.skipped().iter().map(|skipped| skipped.error().to_string()).collect();
        assert_eq!(again, first, "an item is listed once, with its first error");

        // A batch of which nothing is left is left out itself, also as the last one.
        let batches = BatchSampler::new(SequentialSampler::new(13), 1, false);
        let builder = DataLoader::builder(Faulty::default()).batch_sampler(batches).num_workers(num_workers);
        let loader = builder.skip_errors(true).build();
        let read: Vec<i64> = loader.iter().map(|batch| batch.item_as()).collect();
        assert_eq!((read, loader.skipped().len()), (vec![1, 2, 3, 5, 7, 9, 10, 11], 5));
    }
}

#[test]
fn other_faults_remain_errors() {
    let _turn = alone();
    std::panic::set_hook(Box::new(|_| {})); // the expected panics
    for num_workers in [0, 1, 4] {
        let dataset = || TensorDataset::new(Tensor::arange(4));
        let broken = dataset().map(|x| if x.item() == 1.0 { panic!("a bug") } else { Ok(x) });
        let loader = DataLoader::builder(broken).batch_size(2).num_workers(num_workers).skip_errors(true).build();
        let batches: Vec<Result<Tensor>> = loader.try_iter().collect();
        assert_eq!(batches[0].as_ref().unwrap_err().to_string(), "item 1 of the data set: panic: a bug");
        assert!(batches[1].is_ok() && loader.skipped().is_empty());

        // An index out of range is not an item that cannot be read.
        let builder = DataLoader::builder(dataset()).sampler(SequentialSampler::new(5)).num_workers(num_workers);
        let loader = builder.skip_errors(true).build();
        assert!(loader.try_iter().nth(4).unwrap().is_err() && loader.skipped().is_empty());
        let ragged = dataset().map(|x| Tensor::try_zeros([x.item() as usize]));
        let loader = DataLoader::builder(ragged).batch_size(2).num_workers(num_workers).skip_errors(true).build();
        assert!(loader.try_iter().all(|batch| batch.is_err()), "items that do not match");
        assert!(loader.skipped().is_empty());
    }
    let _ = std::panic::take_hook();
}

/// Whole batches are read at once unless one fails; then each item is read.
#[test]
fn whole_batches_are_skipped_by_item() {
    let _turn = alone();
    struct Whole;
    impl Dataset for Whole {
        type Item = Tensor;
        fn len(&self) -> usize {
            4
        }
        fn get(&self, index: usize) -> Result<Tensor> {
            if index == 1 {
                return Err(Error::Value { op: "one", message: "missing".into() });
            }
            Ok(Tensor::from(index as f32))
        }
        fn get_batch(&self, indices: &[usize]) -> Option<Result<Tensor>> {
            let all: Result<Vec<Tensor>> = indices.iter().map(|&index| self.get(index)).collect();
            Some(all.and_then(|all| Tensor::try_stack(&all)?.try_neg()))
        }
    }
    let loader = DataLoader::builder(Whole).batch_size(2).skip_errors(true).build();
    let read: Vec<Vec<f32>> = loader.iter().map(|batch| batch.to_vec()).collect();
    assert_eq!(read, [vec![0.0], vec![-2.0, -3.0]]);
    assert_eq!(loader.skipped()[0].index(), 1);
}

/// The other items draw the same numbers, whether an item of their batch is skipped or not.
#[test]
fn skipping_does_not_change_the_numbers_of_others() {
    let _turn = alone();
    let noise = |bad: f64| {
        let dataset = TensorDataset::new(Tensor::arange(6.0)).map(move |x| {
            if x.item() == bad {
                return Err(Error::Value { op: "file", message: "damaged".into() });
            }
            Tensor::try_rand_with([1], TensorOptions::new().generator(sample_generator()))
        });
        let own = Generator::from_seed(1);
        let loader =
            DataLoader::builder(dataset).batch_size(3).generator(&own).skip_errors(true).num_workers(2).build();
        loader.iter().flat_map(|batch| batch.to_vec::<f32>()).collect::<Vec<_>>()
    };
    let (all, some) = (noise(-1.0), noise(1.0));
    assert_eq!((all.len(), [&all[..1], &all[2..]].concat()), (6, some));
}
