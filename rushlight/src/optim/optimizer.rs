//! The common part of optimizers: parameter groups, the state of each parameter, and the loop of a step.

use super::Optimizer;
use super::state::{Loader, Setting};
use super::torch;
use crate::io::pt::Value;
use crate::nn::{Parameter, StateDict};
use crate::tensor::Layout;
use crate::{Error, NoGrad, Result, Tensor};
use rushlight_macros::op;
use std::collections::HashSet;
use std::sync::Arc;

/// What a [`Rule`] does with a [sparse gradient](Tensor::is_sparse).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparseGradients {
    /// It is an error, for this reason.
    Refused(&'static str),
    /// Only the rows of the parameter and of the state that are in the gradient are updated.
    Rows,
    /// As [`Rows`](SparseGradients::Rows); a strided gradient is an error.
    Required,
    /// The gradient is converted to a strided one, because the step changes all rows.
    Dense,
}

/// The update rule of an optimizer: its options, and the step of one parameter.
///
/// [`RuleOptimizer`] is the optimizer of a rule. A user-defined optimizer:
///
/// ```
/// use rushlight::{Result, Tensor, optim::{Builder, Optimizer, Rule, Setting}};
///
/// /// p := p - lr * sign(g)
/// #[derive(Clone)]
/// struct SignDescent { lr: f64 }
///
/// impl Rule for SignDescent {
///     const NAME: &'static str = "SignDescent";
///
///     fn options(&mut self) -> Vec<(&'static str, Setting<'_>)> {
///         vec![("lr", Setting::Number(&mut self.lr))]
///     }
///
///     fn update(&self, p: &Tensor, g: &Tensor, _: &[Tensor], _: bool, _: u64) -> Result<()> {
///         p.try_add_scaled_(&g.try_sign()?, -self.lr).map(drop)
///     }
/// }
///
/// let w = Tensor::from([1.0f32, -1.0]).requires_grad_(true);
/// let mut optimizer = Builder::new([&w], SignDescent { lr: 0.5 }).build();
/// w.square().sum().backward();
/// optimizer.step();
/// assert_eq!(w.to_vec::<f32>(), [0.5, -0.5]);
/// ```
pub trait Rule: Clone + Send + 'static {
    /// The name, for error messages.
    const NAME: &'static str;

    /// All options by name; one of them is the number `lr`.
    fn options(&mut self) -> Vec<(&'static str, Setting<'_>)>;

    /// Checks the options.
    ///
    /// # Errors
    /// If one is out of range.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// The names of the state tensors of each parameter. The first has the dtype of the parameter.
    fn slots(&self) -> &'static [&'static str] {
        &[]
    }

    /// The initial value of the state tensor `slot`, contiguous: zeros with the shape and dtype of `p` by default. A state that is
    /// loaded must have its shape and is converted to its dtype.
    ///
    /// # Errors
    /// If memory does not suffice.
    #[allow(unused_variables, reason = "the parameter has its name for implementers")]
    fn initial(&self, slot: &str, p: &Tensor) -> Result<Tensor> {
        filled(p, 0.0)
    }

    /// What the rule does with sparse gradients: most refuse them. With [`SparseGradients::Rows`] the tensors in
    /// [`update`](Rule::update) are the rows in the gradient.
    fn sparse_gradients(&self) -> SparseGradients {
        SparseGradients::Refused("its step changes all elements; SparseAdam, Adagrad and SGD take sparse gradients")
    }

    /// Updates `p` in-place. All tensors are contiguous, and nothing is recorded. `fresh` is true in the first step, when the
    /// slots have their initial values; `step` counts the steps of the parameter from 1.
    ///
    /// # Errors
    /// If the tensors cannot be updated.
    fn update(&self, p: &Tensor, g: &Tensor, slots: &[Tensor], fresh: bool, step: u64) -> Result<()>;
}

/// A contiguous tensor with the shape and dtype of `p`.
pub(super) fn filled(p: &Tensor, value: f64) -> Result<Tensor> {
    let new = Tensor::zeros_with_layout(p, &Layout::contiguous(p.shape()))?;
    if value == 0.0 { Ok(new) } else { new.try_fill_(value) }
}

/// A parameter and its state.
#[derive(Clone)]
struct Entry {
    param: Parameter,
    step: u64,
    /// The names of the slots: those of the rule, and then those that only other options use.
    names: Vec<&'static str>,
    slots: Vec<Tensor>,
}

#[derive(Clone)]
struct Group<R> {
    rule: R,
    /// Where the schedules of the learning rate start, as soon as there is a scheduler.
    initial_lr: Option<f64>,
    entries: Vec<Entry>,
}

/// The optimizer of a [`Rule`].
pub struct RuleOptimizer<R> {
    groups: Vec<Group<R>>,
}

/// A function that changes the options of a group.
type Change<R> = Box<dyn FnOnce(&mut R)>;

/// A builder of the optimizer of a [`Rule`]: parameters and options.
#[must_use = "build() creates the optimizer"]
pub struct Builder<R> {
    pub(super) options: R,
    groups: Vec<(Vec<Parameter>, Change<R>)>,
}

impl<R: Clone> Builder<R> {
    /// Creates a builder for the given parameters: those of a module, or any leaf tensors.
    pub fn new(params: impl IntoIterator<Item = impl Into<Parameter>>, options: R) -> Builder<R> {
        Builder { options, groups: Vec::new() }.group(params, |_| {})
    }

    /// Adds a parameter group, whose options `change` modifies.
    ///
    /// ```
    /// use rushlight::{Tensor, optim::{Optimizer, SGD}};
    /// let [a, b] = [0, 1].map(|_| Tensor::zeros([1]).requires_grad_(true));
    /// let optimizer = SGD::builder([&a]).lr(0.1).group([&b], |options| options.lr = 0.01).build();
    /// assert_eq!([optimizer.group_lr(0), optimizer.group_lr(1)], [0.1, 0.01]);
    /// ```
    pub fn group(
        mut self,
        params: impl IntoIterator<Item = impl Into<Parameter>>,
        change: impl FnOnce(&mut R) + 'static,
    ) -> Builder<R> {
        self.groups.push((params.into_iter().map(Into::into).collect(), Box::new(change)));
        self
    }

    /// The parameters and options of each group, checked.
    pub(super) fn into_groups(self, name: &'static str) -> Result<Vec<(Vec<Parameter>, R)>> {
        let mut seen = HashSet::new();
        let mut groups = Vec::new();
        for (params, change) in self.groups {
            if params.is_empty() {
                return Err(Error::value(name, "expected at least one parameter per group, got an empty list"));
            }
            for param in &params {
                check(name, param, &mut seen)?;
            }
            let mut options = self.options.clone();
            change(&mut options);
            groups.push((params, options));
        }
        Ok(groups)
    }
}

impl<R: Rule> Builder<R> {
    /// Builds the optimizer.
    ///
    /// # Errors
    /// If a group is empty, a parameter is not a leaf or is repeated, or an option is out of range.
    #[op]
    pub fn try_build(self) -> Result<RuleOptimizer<R>> {
        let mut groups = Vec::new();
        for (params, rule) in self.into_groups(R::NAME)? {
            rule.validate()?;
            let entries = params.into_iter().map(Entry::new).collect();
            groups.push(Group { rule, initial_lr: None, entries });
        }
        Ok(RuleOptimizer { groups })
    }
}

/// Returns an error unless the parameter is a leaf and not in `seen`.
fn check(op: &'static str, param: &Parameter, seen: &mut HashSet<usize>) -> Result<()> {
    let tensor = param.get();
    if tensor.is_sparse() {
        let message = format!("expected a strided parameter, got a sparse one of shape {:?}", tensor.shape());
        return Err(Error::value(op, message));
    }
    if !tensor.is_leaf() {
        let message = format!(
            "expected a leaf, got a tensor of shape {:?} computed by {}",
            tensor.shape(),
            tensor.grad_fn().map_or("", |grad_fn| grad_fn.name())
        );
        return Err(Error::value(op, message));
    }
    if !seen.insert(Arc::as_ptr(&tensor.0).addr()) {
        let name = param.name().unwrap_or_else(|| format!("of shape {:?}", tensor.shape()));
        return Err(Error::value(op, format!("expected each parameter once, got {name} twice")));
    }
    Ok(())
}

impl Entry {
    fn new(param: Parameter) -> Entry {
        Entry { param, step: 0, names: Vec::new(), slots: Vec::new() }
    }

    #[inline]
    fn update<R: Rule>(&mut self, rule: &R, p: &Tensor, g: Tensor) -> Result<()> {
        if g.dtype() != p.dtype() || !g.layout().same_dims(p.layout()) {
            return Err(mismatch(R::NAME, p, &g));
        }
        if g.is_sparse() {
            return self.update_sparse(rule, p, &g);
        }
        if rule.sparse_gradients() == SparseGradients::Required {
            return Err(not_sparse(R::NAME));
        }
        let (fresh, wanted) = (self.prepared(rule, p)?, rule.slots());
        let g = if g.is_contiguous() && !g.shares_memory_with(p) { g } else { g.try_contiguous_copy()? };
        let (step, slots) = (self.step + 1, &self.slots[..wanted.len()]);
        if p.is_contiguous() {
            rule.update(p, &g, slots, fresh, step)?;
        } else {
            let own = p.detach().try_contiguous_copy()?;
            rule.update(&own, &g, slots, fresh, step)?;
            p.try_copy_(&own)?;
        }
        p.0.storage.bump_version();
        self.step = step;
        Ok(())
    }

    /// Ensures that the slots are those of the rule, of the dtype of the parameter. Returns whether one is new.
    #[inline]
    fn prepared<R: Rule>(&mut self, rule: &R, p: &Tensor) -> Result<bool> {
        let ready = self.names.starts_with(rule.slots());
        let ready = ready && self.slots.first().is_none_or(|slot| slot.dtype() == p.dtype());
        Ok(!ready && self.prepare(rule, p)?)
    }

    /// Arranges the slots in the order of the rule, creates those that are missing, and converts all to the dtype of the parameter.
    /// Returns whether one was created.
    #[cold]
    fn prepare<R: Rule>(&mut self, rule: &R, p: &Tensor) -> Result<bool> {
        let mut created = false;
        for (at, name) in rule.slots().iter().enumerate() {
            if let Some(after) = self.names[at..].iter().position(|own| own == name) {
                self.names.swap(at, at + after);
                self.slots.swap(at, at + after);
            } else {
                self.slots.insert(at, rule.initial(name, p)?);
                self.names.insert(at, name);
                created = true;
            }
        }
        for (name, slot) in self.names.iter().zip(&mut self.slots) {
            *slot = slot.try_to_dtype(rule.initial(name, p)?.dtype())?;
        }
        Ok(created)
    }

    /// A step with a sparse gradient.
    #[cold]
    fn update_sparse<R: Rule>(&mut self, rule: &R, p: &Tensor, g: &Tensor) -> Result<()> {
        match rule.sparse_gradients() {
            SparseGradients::Refused(reason) => {
                let message = format!(
                    "expected a strided gradient, got a sparse one, which {} does not support: {reason}",
                    R::NAME
                );
                return Err(Error::value(R::NAME, message));
            }
            SparseGradients::Dense => return self.update(rule, p, g.try_to_dense()?),
            SparseGradients::Rows | SparseGradients::Required => {}
        }
        let [index, values] = g.try_coalesce()?.sparse_rows()?;
        let fresh = self.prepared(rule, p)?;
        let step = self.step + 1;
        if values.numel() > 0 {
            let rows: usize = p.shape()[..g.sparse_dim()].iter().product();
            let whole = p.detach().try_contiguous()?;
            let mut tables = Vec::with_capacity(1 + self.slots.len());
            for tensor in std::iter::once(&whole).chain(&self.slots[..rule.slots().len()]) {
                let table = tensor.detach().try_view([rows, values.shape()[1]])?;
                let part = table.try_index_select(0, &index)?;
                tables.push((table, part));
            }
            let parts: Vec<Tensor> = tables.iter().map(|(_, part)| part.clone()).collect();
            rule.update(&parts[0], &values, &parts[1..], fresh, step)?;
            for (table, part) in &tables {
                table.put_rows_(&index, part)?;
            }
            if !p.is_contiguous() {
                p.try_copy_(&whole)?;
            }
            p.0.storage.bump_version();
        }
        self.step = step;
        Ok(())
    }
}

#[cold]
fn not_sparse(op: &'static str) -> Error {
    Error::value(op, format!("expected a sparse gradient, got a strided one, which {op} does not support; use Adam"))
}

#[cold]
fn mismatch(op: &'static str, p: &Tensor, g: &Tensor) -> Error {
    let message = format!(
        "expected a gradient of the parameter's dtype {} and shape {:?}, got {} of shape {:?}",
        p.dtype(),
        p.shape(),
        g.dtype(),
        g.shape()
    );
    Error::shape(op, message)
}

impl<R: Rule> RuleOptimizer<R> {
    /// Returns the options of a group.
    ///
    /// # Panics
    /// If the group does not exist.
    #[track_caller]
    pub fn options(&self, group: usize) -> &R {
        &self.groups[group].rule
    }

    /// Returns the options of a group, which may be changed between steps.
    ///
    /// # Panics
    /// If the group does not exist.
    #[track_caller]
    pub fn options_mut(&mut self, group: usize) -> &mut R {
        &mut self.groups[group].rule
    }

    /// The number of parameters of each group.
    fn group_sizes(&self) -> Vec<usize> {
        self.groups.iter().map(|group| group.entries.len()).collect()
    }
}

/// Calls `f` with the option named `lr`.
fn with_lr<R: Rule, T>(rule: &mut R, f: impl FnOnce(&mut f64) -> T) -> T {
    for (name, setting) in rule.options() {
        if let ("lr", Setting::Number(lr)) = (name, setting) {
            return f(lr);
        }
    }
    panic!("the rule {} does not have a number named lr among its options", R::NAME)
}

impl<R: Rule> Optimizer for RuleOptimizer<R> {
    fn try_step(&mut self) -> Result<()> {
        let _guard = NoGrad::new();
        for group in &mut self.groups {
            for entry in &mut group.entries {
                let p = entry.param.get();
                if let Some(g) = p.grad() {
                    entry.update(&group.rule, &p, g).map_err(|error| match entry.param.name() {
                        Some(name) => error.at(name),
                        None => error,
                    })?;
                }
            }
        }
        Ok(())
    }

    fn zero_grad(&self) {
        for entry in self.groups.iter().flat_map(|group| &group.entries) {
            entry.param.zero_grad();
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.groups.iter().flat_map(|group| &group.entries).map(|entry| entry.param.clone()).collect()
    }

    fn num_groups(&self) -> usize {
        self.groups.len()
    }

    fn group_lr(&self, group: usize) -> f64 {
        with_lr(&mut self.groups[group].rule.clone(), |lr| *lr)
    }

    fn set_group_lr(&mut self, group: usize, lr: f64) {
        with_lr(&mut self.groups[group].rule, |own| *own = lr);
    }

    fn group_initial_lr(&self, group: usize) -> Option<f64> {
        self.groups[group].initial_lr
    }

    fn set_group_initial_lr(&mut self, group: usize, lr: f64) {
        self.groups[group].initial_lr = Some(lr);
    }

    fn state_dict(&self) -> StateDict {
        let mut state = StateDict::new();
        let mut index = 0;
        for (number, group) in self.groups.iter().enumerate() {
            for (name, setting) in group.rule.clone().options() {
                state.insert(format!("param_groups.{number}.{name}"), setting.tensor());
            }
            if let Some(lr) = group.initial_lr {
                state.insert(format!("param_groups.{number}.initial_lr"), Tensor::from(lr));
            }
            for entry in &group.entries {
                if entry.step > 0 {
                    state.insert(format!("state.{index}.step"), Tensor::from(entry.step as i64));
                    for (name, slot) in entry.names.iter().zip(&entry.slots) {
                        if group.rule.slots().contains(name) {
                            state.insert(format!("state.{index}.{name}"), slot.copy());
                        }
                    }
                }
                index += 1;
            }
        }
        state
    }

    fn try_load_state_dict(&mut self, state: &StateDict) -> Result<()> {
        let mut loader = Loader::new(state);
        let mut groups = self.groups.clone();
        let mut index = 0;
        for (number, group) in groups.iter_mut().enumerate() {
            for (name, setting) in group.rule.options() {
                setting.load(&mut loader, &format!("param_groups.{number}.{name}"));
            }
            group.initial_lr = loader.optional_number(&format!("param_groups.{number}.initial_lr"));
            for entry in &mut group.entries {
                let (p, step) = (entry.param.get(), format!("state.{index}.step"));
                *entry = Entry::new(entry.param.clone());
                // A parameter that never had a gradient does not have state.
                if loader.has(&step) {
                    entry.step = loader.number(&step) as u64;
                    for name in group.rule.slots() {
                        let own = group.rule.initial(name, &p)?;
                        if let Some(slot) = loader.take(&format!("state.{index}.{name}"), own.shape()) {
                            entry.slots.push(own.try_copy_(&slot.detach())?);
                            entry.names.push(name);
                        }
                    }
                }
                index += 1;
            }
            if let Err(error) = group.rule.validate() {
                loader.reject(error.to_string());
            }
        }
        loader.finish(R::NAME)?;
        self.groups = groups;
        Ok(())
    }

    fn try_torch_state_dict(&self) -> Result<Value> {
        let mut state = self.state_dict();
        if torch::has_state_in_advance(R::NAME) {
            let entries = self.groups.iter().flat_map(|group| group.entries.iter().map(move |entry| (group, entry)));
            for (index, (group, entry)) in entries.enumerate().filter(|(_, (_, entry))| entry.step == 0) {
                state.insert(format!("state.{index}.step"), Tensor::from(0i64));
                for name in group.rule.slots() {
                    state.insert(format!("state.{index}.{name}"), group.rule.initial(name, &entry.param.get())?);
                }
            }
        }
        torch::export(R::NAME, &self.group_sizes(), &state)
    }

    fn try_load_torch_state_dict(&mut self, state: &Value) -> Result<()> {
        let state = torch::import(R::NAME, &self.group_sizes(), &self.state_dict(), state)?;
        self.try_load_state_dict(&state)
    }
}
