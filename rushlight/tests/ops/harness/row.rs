//! A row of the table: the specification of one operation.

use super::inputs::{Arg, Args, Inputs, Outputs};
use super::layout::Layout;
use rushlight::{DType, Generator, Result, Scalar, Tensor, TensorOptions};
use serde_json::Value;

type Fallible = dyn Fn(&Inputs, &Args) -> Result<Vec<Tensor>> + Send + Sync;
type Panicking = dyn Fn(&Inputs, &Args) -> Vec<Tensor> + Send + Sync;

/// The two forms of an operation.
pub(crate) struct Forms {
    pub fallible: Box<Fallible>,
    pub panicking: Box<Panicking>,
}

impl Forms {
    fn new<O: Outputs + 'static>(
        fallible: fn(&Inputs, &Args) -> Result<O>,
        panicking: fn(&Inputs, &Args) -> O,
    ) -> Forms {
        Forms {
            fallible: Box::new(move |x, a| fallible(x, a).map(Outputs::list)),
            panicking: Box::new(move |x, a| panicking(x, a).list()),
        }
    }
}

/// The form that modifies its first argument.
pub(crate) struct InPlace {
    pub name: &'static str,
    pub forms: Forms,
    pub takes: Takes,
}

/// The dtypes that an operation accepts for its sampled arguments.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Takes(u16);

pub(crate) const FLOATS: Takes = Takes::of(&[DType::F16, DType::Bf16, DType::F32, DType::F64]);
pub(crate) const NUMBERS: Takes = FLOATS.and(&[DType::U8, DType::I8, DType::I16, DType::I32, DType::I64]);
pub(crate) const ALL_DTYPES: Takes = NUMBERS.and(&[DType::Bool]);

impl Takes {
    pub(crate) const fn of(dtypes: &[DType]) -> Takes {
        Takes(0).and(dtypes)
    }

    pub(crate) const fn and(mut self, dtypes: &[DType]) -> Takes {
        let mut i = 0;
        while i < dtypes.len() {
            self.0 |= 1 << dtypes[i] as u16;
            i += 1;
        }
        self
    }

    pub(crate) const fn accepts(self, dtype: DType) -> bool {
        self.0 & (1 << dtype as u16) != 0
    }
}

/// How an argument is created.
#[derive(Clone)]
pub(crate) enum Spec {
    /// Random values from a range. Gradients are checked for those that are not fixed.
    Draw {
        shape: Vec<usize>,
        low: f64,
        high: f64,
        fixed: bool,
    },
    Given(Tensor),
    Number(Scalar),
    Absent,
}

/// Values between `low` and `high`.
pub(crate) fn between(low: f64, high: f64, shape: &[usize]) -> Spec {
    Spec::Draw { shape: shape.to_vec(), low, high, fixed: false }
}

/// Values between -2 and 2.
pub(crate) fn real(shape: &[usize]) -> Spec {
    between(-2.0, 2.0, shape)
}

/// Values between 0.3 and 3.
pub(crate) fn positive(shape: &[usize]) -> Spec {
    between(0.3, 3.0, shape)
}

/// A given tensor: indices, masks, classes.
pub(crate) fn given(tensor: Tensor) -> Spec {
    Spec::Given(tensor)
}

pub(crate) fn number(number: impl Into<Scalar>) -> Spec {
    Spec::Number(number.into())
}

pub(crate) const ABSENT: Spec = Spec::Absent;

impl Spec {
    /// An argument with respect to which the operation is not differentiated.
    pub(crate) fn fixed(mut self) -> Spec {
        if let Spec::Draw { fixed, .. } = &mut self {
            *fixed = true;
        }
        self
    }

    /// Drawn in float64, in the shape `shape`, from the argument's range.
    pub(crate) fn draw(&self, shape: &[usize], generator: &Generator) -> Tensor {
        let Spec::Draw { low, high, .. } = self else { panic!("only drawn arguments can be drawn") };
        let unit = Tensor::rand_with(shape, TensorOptions::new().dtype(DType::F64).generator(generator));
        unit * (high - low) + *low
    }

    /// The argument in a given dtype; the values are nonzero integers if the dtype is not floating-point.
    pub(crate) fn make(&self, dtype: DType, generator: &Generator) -> Arg {
        match self {
            Spec::Draw { shape, .. } if dtype.is_float() => Arg::Tensor(self.draw(shape, generator).to_dtype(dtype)),
            Spec::Draw { shape, low, .. } => {
                let count = shape.iter().product::<usize>() as i64;
                let sign = if *low < 0.0 { -1 } else { 1 };
                let number = |i: i64| if i % 2 == 0 { 1 + i % 3 } else { sign * (1 + i % 3) };
                let numbers: Vec<i64> = (0..count).map(number).collect();
                Arg::Tensor(Tensor::from_vec(numbers, shape).to_dtype(dtype))
            }
            Spec::Given(tensor) => Arg::Tensor(tensor.clone()),
            Spec::Number(number) => Arg::Number(*number),
            Spec::Absent => Arg::Absent,
        }
    }
}

/// Arguments on which an operation is tested.
#[derive(Clone)]
pub(crate) struct Sample {
    pub specs: Vec<Spec>,
    pub args: Args,
    pub layouts: &'static [Layout],
    /// The dtypes for which the sample is meaningful.
    pub dtypes: Takes,
    /// The in-place form does not accept the sample, because the result has another shape.
    pub out_of_place: bool,
}

pub(crate) fn sample(specs: impl Into<Vec<Spec>>) -> Sample {
    let (layouts, args) = (&Layout::ALL, Args::default());
    Sample { specs: specs.into(), args, layouts, dtypes: ALL_DTYPES, out_of_place: false }
}

impl Sample {
    /// With options, by PyTorch's names.
    pub(crate) fn args(mut self, args: Value) -> Sample {
        self.args = Args(args);
        self
    }

    /// Restricts the layouts: the operation rejects the others.
    pub(crate) fn layouts(mut self, layouts: &'static [Layout]) -> Sample {
        self.layouts = layouts;
        self
    }

    /// Restricts the sample to these dtypes.
    pub(crate) fn only(mut self, dtypes: Takes) -> Sample {
        self.dtypes = dtypes;
        self
    }

    pub(crate) fn out_of_place(mut self) -> Sample {
        self.out_of_place = true;
        self
    }

    pub(crate) fn inputs(&self, dtype: DType) -> Inputs {
        let generator = Generator::from_seed(7);
        Inputs(self.specs.iter().map(|spec| spec.make(dtype, &generator)).collect())
    }
}

/// The exact value and derivatives at one point, where the derivative is discontinuous or the value is special.
pub(crate) struct Kink {
    pub at: Vec<f64>,
    pub value: f64,
    pub slopes: Vec<f64>,
}

/// A rejected call, and parts of the message.
pub(crate) struct Refusal {
    pub sample: Sample,
    pub dtype: DType,
    pub parts: Vec<&'static str>,
    pub in_place: bool,
}

pub(crate) struct Row {
    pub name: &'static str,
    /// The name in its messages: PyTorch's.
    pub says: &'static str,
    /// Absent if the operation exists only in-place.
    pub forms: Option<Forms>,
    pub in_place: Option<InPlace>,
    /// The form that uses PyTorch's defaults.
    pub defaults: Option<Forms>,
    /// The method's name, if that of the form with options is not the row's.
    pub method: Option<&'static str>,
    pub takes: Takes,
    /// Results have first and second derivatives.
    pub differentiable: bool,
    pub samples: Vec<Sample>,
    pub kinks: Vec<Kink>,
    pub refusals: Vec<Refusal>,
    /// Golden cases that cannot be expressed, and why.
    pub inexpressible: Vec<(&'static str, &'static str)>,
    /// Golden cases in which PyTorch's own rounding is coarser than the tolerance: by which factor (for 16-bit types: how many
    /// roundings), and why.
    pub coarse: Vec<(&'static str, f64, &'static str)>,
    /// The operation draws from the default generator.
    pub random: bool,
    /// The row represents an operator with a scalar on the left, which is not a method.
    pub operator: bool,
}

impl Row {
    /// An operation, given its fallible and its panicking form. By default it accepts floating-point tensors and can be
    /// differentiated twice.
    pub(crate) fn new<O: Outputs + 'static>(
        name: &'static str,
        fallible: fn(&Inputs, &Args) -> Result<O>,
        panicking: fn(&Inputs, &Args) -> O,
    ) -> Row {
        Row {
            name,
            says: name,
            forms: Some(Forms::new(fallible, panicking)),
            in_place: None,
            defaults: None,
            method: None,
            takes: FLOATS,
            differentiable: true,
            samples: Vec::new(),
            kinks: Vec::new(),
            refusals: Vec::new(),
            inexpressible: Vec::new(),
            coarse: Vec::new(),
            random: false,
            operator: false,
        }
    }

    /// An operation that exists only in-place.
    pub(crate) fn only_in_place(
        name: &'static str,
        fallible: fn(&Inputs, &Args) -> Result<Tensor>,
        panicking: fn(&Inputs, &Args) -> Tensor,
    ) -> Row {
        Row { forms: None, ..Row::new(name, fallible, panicking).in_place(name, fallible, panicking) }
    }

    /// A function of one element: sampled as a matrix, 0-d and empty.
    pub(crate) fn elementwise(self, low: f64, high: f64) -> Row {
        let of = |shape: &[usize]| sample([between(low, high, shape)]);
        self.samples([of(&[2, 3]), of(&[]), of(&[0, 3])])
    }

    /// The form with fewer arguments, which is equivalent to the other without options.
    pub(crate) fn defaults<O: Outputs + 'static>(
        mut self,
        fallible: fn(&Inputs, &Args) -> Result<O>,
        panicking: fn(&Inputs, &Args) -> O,
    ) -> Row {
        self.defaults = Some(Forms::new(fallible, panicking));
        self
    }

    /// The method of the form with options, if it is not the row's name followed by `_with`.
    pub(crate) fn method(mut self, name: &'static str) -> Row {
        self.method = Some(name);
        self
    }

    /// Sets the options of all samples so far.
    pub(crate) fn with_args(mut self, args: Value) -> Row {
        self.samples.iter_mut().for_each(|sample| sample.args = Args(args.clone()));
        self
    }

    /// The name in messages, if it is not the method's.
    pub(crate) fn says(mut self, name: &'static str) -> Row {
        self.says = name;
        self
    }

    pub(crate) fn samples(mut self, samples: impl IntoIterator<Item = Sample>) -> Row {
        self.samples.extend(samples);
        self
    }

    pub(crate) fn takes(mut self, takes: Takes) -> Row {
        self.takes = takes;
        if let Some(in_place) = &mut self.in_place {
            in_place.takes = takes;
        }
        self
    }

    /// Results have no gradient.
    pub(crate) fn constant(mut self) -> Row {
        self.differentiable = false;
        self
    }

    /// The in-place form. It accepts the same dtypes unless [`in_place_takes`](Row::in_place_takes) follows.
    pub(crate) fn in_place(
        mut self,
        name: &'static str,
        fallible: fn(&Inputs, &Args) -> Result<Tensor>,
        panicking: fn(&Inputs, &Args) -> Tensor,
    ) -> Row {
        self.in_place = Some(InPlace { name, forms: Forms::new(fallible, panicking), takes: self.takes });
        self
    }

    pub(crate) fn in_place_takes(mut self, takes: Takes) -> Row {
        self.in_place.as_mut().expect("the in-place form comes first").takes = takes;
        self
    }

    pub(crate) fn kink<const N: usize>(mut self, at: [f64; N], value: f64, slopes: [f64; N]) -> Row {
        self.kinks.push(Kink { at: at.to_vec(), value, slopes: slopes.to_vec() });
        self
    }

    fn refusal(mut self, sample: Sample, dtype: DType, parts: &[&'static str], in_place: bool) -> Row {
        self.refusals.push(Refusal { sample, dtype, parts: parts.to_vec(), in_place });
        self
    }

    /// The call is rejected with a message that begins with the operation's name and contains all of the parts.
    pub(crate) fn refuses(self, sample: Sample, parts: &[&'static str]) -> Row {
        let in_place = self.forms.is_none();
        self.refusal(sample, DType::F32, parts, in_place)
    }

    /// [`refuses`](Row::refuses) for sampled arguments of another dtype than float32.
    pub(crate) fn refuses_dtype(self, dtype: DType, sample: Sample, parts: &[&'static str]) -> Row {
        let in_place = self.forms.is_none();
        self.refusal(sample, dtype, parts, in_place)
    }

    /// [`refuses_dtype`](Row::refuses_dtype) for the in-place form.
    pub(crate) fn in_place_refuses(self, dtype: DType, sample: Sample, parts: &[&'static str]) -> Row {
        self.refusal(sample, dtype, parts, true)
    }

    pub(crate) fn inexpressible(mut self, case: &'static str, reason: &'static str) -> Row {
        self.inexpressible.push((case, reason));
        self
    }

    pub(crate) fn coarse(mut self, case: &'static str, times: f64, reason: &'static str) -> Row {
        self.coarse.push((case, times, reason));
        self
    }

    /// Draws from the default generator, which the harness seeds before each call.
    pub(crate) fn random(mut self) -> Row {
        self.random = true;
        self
    }

    pub(crate) fn operator(mut self) -> Row {
        self.operator = true;
        self
    }

    /// The names of its forms, used to look up golden cases and methods.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let plain = self.forms.as_ref().map(|_| self.name);
        plain.into_iter().chain(self.in_place.as_ref().map(|form| form.name)).collect()
    }
}
