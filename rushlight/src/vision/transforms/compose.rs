//! Transforms one after the other.

use super::Transform;
use crate::Result;

/// Transforms applied one after the other, as `torchvision.transforms.Compose`: a tuple of 1 to 12, each of which takes what the one
/// before it returns. That is checked by the compiler; a composition is a transform, too. A vector of transforms, whose type may be
/// `Box<dyn Transform<Image, Output = Image>>`, is composed at run time.
///
/// ```
/// use rushlight::vision::transforms::{Compose, Resize, ToTensor, Transform};
/// use rushlight::vision::{Image, PixelFormat};
///
/// let transform = Compose::new((Resize::new([2, 2]), ToTensor::new()));
/// let x = transform.apply(Image::new(1, 1, PixelFormat::Gray, vec![51]));
/// assert_eq!(x.to_vec::<f32>(), [0.2; 4]);
/// ```
///
/// ```compile_fail,E0277
/// use rushlight::vision::transforms::{Compose, Resize, ToTensor, Transform};
/// # let image = rushlight::vision::Image::open("photo.jpg").unwrap();
/// Compose::new((Resize::new([2, 2]), ToTensor::new(), ToTensor::new())).apply(image); // `ToTensor` takes an image
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Compose<S>(S);

impl<S> Compose<S> {
    /// Creates the composition of a tuple of transforms.
    pub fn new(steps: S) -> Compose<S> {
        Compose(steps)
    }
}

macro_rules! compose {
    ($first:ident $(, $step:ident after $before:ident)* => $last:ident) => {
        impl<T, $first: Transform<T> $(, $step: Transform<$before::Output>)*> Transform<T> for Compose<($first, $($step,)*)> {
            type Output = $last::Output;

            fn try_apply(&self, input: T) -> Result<$last::Output> {
                #[allow(non_snake_case, reason = "each step is named after its type")]
                let ($first, $($step,)*) = &self.0;
                let output = $first.try_apply(input)?;
                $(let output = $step.try_apply(output)?;)*
                Ok(output)
            }
        }
    };
}
compose!(A => A);
compose!(A, B after A => B);
compose!(A, B after A, C after B => C);
compose!(A, B after A, C after B, D after C => D);
compose!(A, B after A, C after B, D after C, E after D => E);
compose!(A, B after A, C after B, D after C, E after D, F after E => F);
compose!(A, B after A, C after B, D after C, E after D, F after E, G after F => G);
compose!(A, B after A, C after B, D after C, E after D, F after E, G after F, H after G => H);
compose!(A, B after A, C after B, D after C, E after D, F after E, G after F, H after G, I after H => I);
compose!(A, B after A, C after B, D after C, E after D, F after E, G after F, H after G, I after H, J after I => J);
compose!(A, B after A, C after B, D after C, E after D, F after E, G after F, H after G, I after H, J after I, K after J => K);
compose!(A, B after A, C after B, D after C, E after D, F after E, G after F, H after G, I after H, J after I, K after J, L after K => L);

impl<T, S: Transform<T, Output = T>> Transform<T> for Compose<Vec<S>> {
    type Output = T;

    fn try_apply(&self, input: T) -> Result<T> {
        self.0.iter().try_fold(input, |input, step| step.try_apply(input))
    }
}

/// Transforms of a type to itself, for [`RandomChoice`](super::RandomChoice) and [`RandomOrder`](super::RandomOrder): a tuple of 1 to 12, or a
/// vector.
pub trait Choices<T>: Send + Sync {
    /// Returns the number of transforms.
    fn count(&self) -> usize;

    /// Applies the transform of a number below [`count`](Choices::count).
    ///
    /// # Errors
    /// If the transform does not accept the input.
    fn try_apply_at(&self, index: usize, input: T) -> Result<T>;
}

impl<T, S: Transform<T, Output = T>> Choices<T> for Vec<S> {
    fn count(&self) -> usize {
        self.len()
    }

    fn try_apply_at(&self, index: usize, input: T) -> Result<T> {
        self[index].try_apply(input)
    }
}

macro_rules! choices {
    ($($step:ident $index:tt),*) => {
        impl<T, $($step: Transform<T, Output = T>),*> Choices<T> for ($($step,)*) {
            fn count(&self) -> usize {
                [$($index),*].len()
            }

            fn try_apply_at(&self, index: usize, input: T) -> Result<T> {
                match index {
                    $($index => self.$index.try_apply(input),)*
                    _ => unreachable!("an index below the number of transforms"),
                }
            }
        }
    };
}
choices!(A 0);
choices!(A 0, B 1);
choices!(A 0, B 1, C 2);
choices!(A 0, B 1, C 2, D 3);
choices!(A 0, B 1, C 2, D 3, E 4);
choices!(A 0, B 1, C 2, D 3, E 4, F 5);
choices!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
choices!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
choices!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
choices!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
choices!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
choices!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
