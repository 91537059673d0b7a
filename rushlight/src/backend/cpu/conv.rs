//! Convolutions.

use super::Cpu;
use crate::Error;
use crate::backend::{Activation, ConvShape, ConvWeight, Convolution, Fused};
use crate::tensor::{Element, ReadGuard, WriteGuard, each_float};
use rushlight_kernels::conv::{self, ConvElement, PackedWeight};
use std::any::Any;

impl<T: Element + ConvElement> ConvWeight for PackedWeight<T> {
    fn fits(&self, shape: &ConvShape) -> bool {
        PackedWeight::fits(self, shape)
    }
}

impl Convolution for Cpu {
    fn conv(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("conv", x.dtype(), T => {
            let bias = bias.map(|bias| bias.slice::<T>());
            conv::forward::<T>(shape, x.slice(), w.slice(), bias, activation, out.slice());
            Ok(())
        }))
    }

    fn conv_weight(&self, shape: &ConvShape, w: &ReadGuard<'_>) -> Fused<Box<dyn ConvWeight>> {
        Some(each_float!("conv", w.dtype(), T => Ok(Box::new(PackedWeight::<T>::new(shape, w.slice())))))
    }

    fn conv_prepacked(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        w: &dyn ConvWeight,
        bias: Option<&ReadGuard<'_>>,
        activation: Activation,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("conv", x.dtype(), T => {
            let Some(w) = (w as &dyn Any).downcast_ref::<PackedWeight<T>>() else {
                return Some(Err(Error::dtype("conv", format!("expected a packed weight of {}", x.dtype()))));
            };
            let bias = bias.map(|bias| bias.slice::<T>());
            conv::forward_packed::<T>(shape, x.slice(), w, bias, activation, out.slice());
            Ok(())
        }))
    }

    fn conv_grad_input(
        &self,
        shape: &ConvShape,
        g: &ReadGuard<'_>,
        w: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("conv", g.dtype(), T => {
            conv::backward_input::<T>(shape, g.slice(), w.slice(), out.slice());
            Ok(())
        }))
    }

    fn conv_grad_weight(
        &self,
        shape: &ConvShape,
        x: &ReadGuard<'_>,
        g: &ReadGuard<'_>,
        out: &mut WriteGuard<'_>,
    ) -> Fused {
        Some(each_float!("conv", g.dtype(), T => {
            conv::backward_weight::<T>(shape, x.slice(), g.slice(), out.slice());
            Ok(())
        }))
    }
}
