//! 16-bit floating-point numbers: storage types, widened to `f32` for arithmetic.

/// A number in IEEE 754's 16-bit format: 5 bits of exponent, 11 of precision. These are its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct F16(pub u16);

/// The upper half of an `f32`: 8 bits of exponent and of precision. These are its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bf16(pub u16);

impl F16 {
    /// The nearest number, the even one of two; infinity from 65520 on.
    #[inline(always)]
    pub fn from_f32(x: f32) -> F16 {
        let bits = x.to_bits() & 0x7fff_ffff;
        // Adding 1/2 leaves multiples of 2^-24, the unit of subnormal numbers, in the low bits.
        let subnormal = (f32::from_bits(bits) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
        let normal = bits.wrapping_sub(112 << 23).wrapping_add(0xfff + (bits >> 13 & 1)) >> 13;
        let y = if bits < 113 << 23 { subnormal } else { normal };
        let y = if bits >= 0x477f_f000 { 0x7c00 } else { y };
        let y = if bits > 0x7f80_0000 { 0x7e00 } else { y };
        F16((y | x.to_bits() >> 16 & 0x8000) as u16)
    }

    /// The same number.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        let bits = u32::from(self.0 & 0x7fff);
        let normal = f32::from_bits((bits << 13) + (112 << 23));
        let y = if bits < 0x400 { bits as f32 / 16_777_216.0 } else { normal };
        let y = if bits >= 0x7c00 { f32::from_bits(bits << 13 | 0x7f80_0000) } else { y };
        f32::from_bits(y.to_bits() | u32::from(self.0 & 0x8000) << 16)
    }
}

impl Bf16 {
    /// The nearest number, the even one of two.
    #[inline(always)]
    pub fn from_f32(x: f32) -> Bf16 {
        let bits = x.to_bits();
        let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
        #[allow(clippy::eq_op)]
        let y = if x != x { bits >> 16 | 0x40 } else { rounded };
        Bf16(y as u16)
    }

    /// The same number.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}
