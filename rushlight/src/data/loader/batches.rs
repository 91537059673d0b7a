//! The iterators over the batches of one epoch.

use super::{Made, Order, Shared};
use crate::Result;
use crate::autograd::{NoGrad, is_grad_enabled};
use crate::data::prefetch::Prefetch;
use crate::data::{Collator, Dataset, DefaultCollate};
use std::ops::Range;
use std::sync::Arc;

/// The batches of one epoch of a [`DataLoader`](super::DataLoader); an error panics. See [`DataLoader::iter`](super::DataLoader::iter).
pub struct Batches<D: Dataset, C: Collator<D> = DefaultCollate>(pub(super) TryBatches<D, C>);

impl<D, C> Iterator for Batches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    type Item = C::Batch;

    #[track_caller]
    fn next(&mut self) -> Option<C::Batch> {
        self.0.next().map(crate::error::ok)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<D, C> ExactSizeIterator for Batches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    /// The number of batches left in the plan of the epoch.
    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The batches of one epoch of a [`DataLoader`](super::DataLoader), each a `Result`. See [`DataLoader::try_iter`](super::DataLoader::try_iter).
pub struct TryBatches<D, C: Collator<D> = DefaultCollate>
where
    D: Dataset,
{
    shared: Arc<Shared<D, C>>,
    order: Order,
    num_workers: usize,
    window: usize,
    base_seed: i64,
    len: usize,
    next: usize,
    epoch: Option<Epoch<C::Batch>>,
}

/// A started epoch.
struct Epoch<B> {
    plan: Arc<Plan>,
    /// Ends the epoch of the sampler.
    finish: Option<Box<dyn FnOnce() + Send>>,
    /// Whether the last batch is shorter.
    short: bool,
    job: Arc<dyn Fn(usize) -> Made<B> + Send + Sync>,
    workers: Option<Prefetch<Made<B>>>,
}

/// The items of each batch.
///
/// The whole order is read from the sampler at the start of the epoch, with or without workers, so that their number does not affect
/// the use of a shared generator.
struct Plan {
    items: Vec<usize>,
    /// The end of each batch.
    ends: Vec<usize>,
}

impl Plan {
    fn batch(&self, number: usize) -> Range<usize> {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        start..self.ends[number]
    }
}

impl Order {
    /// The plan, the action at the end of the epoch, and whether the last batch is shorter.
    ///
    /// PyTorch requests one item more than its sampler has to detect the end of the epoch, and then a shuffling sampler draws once more
    /// from its generator. That happens when a shorter last batch is created, else after the last batch.
    fn begin(&self) -> (Plan, Box<dyn FnOnce() + Send>, bool) {
        match self {
            Order::Items { sampler, batch_size, drop_last } => {
                let mut iter = sampler.iter();
                let items: Vec<usize> = iter.by_ref().take(sampler.len()).collect();
                let mut ends: Vec<usize> = (1..=items.len() / batch_size).map(|batch| batch * batch_size).collect();
                let short = !drop_last && !items.len().is_multiple_of(*batch_size);
                ends.extend(short.then_some(items.len()));
                (Plan { items, ends }, Box::new(move || _ = iter.next()), short)
            }
            Order::Batches(sampler) => {
                let mut iter = sampler.iter();
                let mut plan = Plan { items: Vec::new(), ends: Vec::new() };
                for batch in iter.by_ref().take(sampler.len()) {
                    plan.items.extend(batch);
                    plan.ends.push(plan.items.len());
                }
                (plan, Box::new(move || _ = iter.next()), false)
            }
        }
    }
}

impl<D: Dataset, C: Collator<D>> TryBatches<D, C> {
    pub(super) fn new(
        shared: Arc<Shared<D, C>>,
        order: Order,
        num_workers: usize,
        prefetch_factor: usize,
        base_seed: i64,
    ) -> TryBatches<D, C> {
        let (window, len) = (num_workers.saturating_mul(prefetch_factor), order.len());
        TryBatches { shared, order, num_workers, window, base_seed, len, next: 0, epoch: None }
    }
}

impl<D, C> TryBatches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    fn begin(&self) -> Epoch<C::Batch> {
        let (plan, finish, short) = self.order.begin();
        let plan = Arc::new(plan);
        let (shared, base_seed, recording) = (self.shared.clone(), self.base_seed, is_grad_enabled());
        let planned = plan.clone();
        let job: Arc<dyn Fn(usize) -> Made<C::Batch> + Send + Sync> = Arc::new(move |number| {
            // A worker has the recording mode of the thread that created it.
            let _mode = (!recording).then(NoGrad::new);
            let batch = planned.batch(number);
            shared.make(number, &planned.items[batch.clone()], |place| (base_seed, batch.start + place))
        });
        let workers = if self.num_workers == 0 {
            None
        } else {
            Prefetch::start(self.num_workers, self.window, plan.ends.len(), job.clone())
        };
        Epoch { plan, finish: Some(finish), short, job, workers }
    }
}

impl<D, C> Iterator for TryBatches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    type Item = Result<C::Batch>;

    fn next(&mut self) -> Option<Result<C::Batch>> {
        if self.epoch.is_none() {
            let epoch = self.begin();
            // A sampler may yield fewer items than its length.
            self.len = epoch.plan.ends.len();
            self.epoch = Some(epoch);
        }
        let epoch = self.epoch.as_mut()?;
        loop {
            let left = self.len - self.next;
            if left == 0 || left == 1 && epoch.short {
                epoch.finish.take().into_iter().for_each(|finish| finish());
            }
            if left == 0 {
                epoch.workers = None;
                return None;
            }
            let number = self.next;
            self.next += 1;
            let made = match &mut epoch.workers {
                Some(workers) => workers.next(),
                None => (epoch.job)(number),
            };
            self.shared.skips.add(made.skipped);
            if let Some(batch) = made.batch.transpose() {
                return Some(batch);
            }
        }
    }

    /// Fewer are possible only if items are skipped.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.len - self.next;
        (if self.shared.skip_errors { 0 } else { left }, Some(left))
    }
}

impl<D, C> ExactSizeIterator for TryBatches<D, C>
where
    D: Dataset + 'static,
    C: Collator<D, Batch: Send> + 'static,
{
    /// The number of batches left in the plan of the epoch.
    fn len(&self) -> usize {
        self.len - self.next
    }
}
