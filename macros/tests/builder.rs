//! What `#[derive(Builder)]` writes.

use rushlight_macros::Builder;

/// A size for each of `N` dimensions.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sizes<const N: usize>([usize; N]);

impl<const N: usize> From<usize> for Sizes<N> {
    fn from(size: usize) -> Self {
        Sizes([size; N])
    }
}

#[derive(Builder, Debug, PartialEq)]
struct Window<'a, const N: usize, T: Clone + Default> {
    #[builder(required)]
    kernel: Sizes<N>,
    #[builder(required)]
    channels: usize,
    #[builder(default = kernel)]
    stride: Sizes<N>,
    padding: Option<Sizes<N>>,
    #[builder(default = Some(-100))]
    ignored: Option<i64>,
    weight: Option<&'a [T]>,
    value: T,
    #[builder(skip, default = channels * 2)]
    twice: usize,
}

#[test]
fn new_takes_what_is_required_and_sets_the_defaults() {
    let window = Window::<'_, 2, String>::new(3, 4);
    let expected = Window {
        kernel: Sizes([3, 3]),
        channels: 4,
        stride: Sizes([3, 3]),
        padding: None,
        ignored: Some(-100),
        weight: None,
        value: String::new(),
        twice: 8,
    };
    assert_eq!(window, expected);
}

#[test]
fn setters_convert_and_wrap() {
    let weight = ["a".to_string()];
    let window = Window::<'_, 1, String>::new(3, 4).stride(1).padding(2).ignored(None).weight(&weight[..]).value("b");
    assert_eq!((window.stride, window.padding, window.ignored), (Sizes([1]), Some(Sizes([2])), None));
    assert_eq!((window.weight, window.value.as_str()), (Some(&weight[..]), "b"));
    assert_eq!(Window::<'_, 1, String>::new(3, 4).ignored(7).ignored, Some(7));
}

/// Options whose setters belong to [`Holder`].
#[derive(Builder, Clone, Copy, Debug, PartialEq)]
#[builder(on(Holder<Rates<DECOUPLED>>, options))]
struct Rates<const DECOUPLED: bool> {
    #[builder(default = 1e-3)]
    lr: f64,
    #[builder(default = if DECOUPLED { 0.01 } else { 0.0 })]
    decay: f64,
    maximize: bool,
}

struct Holder<R> {
    options: R,
}

#[test]
fn setters_on_another_type() {
    let holder = Holder { options: Rates::<true>::default() }.lr(1).maximize(true);
    assert_eq!(holder.options, Rates { lr: 1.0, decay: 0.01, maximize: true });
    assert_eq!(Rates::<false>::new().decay, 0.0);
}
