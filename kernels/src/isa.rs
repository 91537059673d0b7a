//! Processor capabilities: instruction set (selected at run time) and cache sizes.
//!
//! Kernels query [`isa`] once at their entry, on the calling thread, and pass the result to their tasks. Tests force a
//! path with [`with_isa`]; users can cap it with the environment variable `RUSHLIGHT_ISA` (`portable`, `avx2`,
//! `avx512`).

use std::cell::Cell;
use std::sync::OnceLock;

/// An instruction set that kernels are compiled for, from the least to the most capable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Whatever the compilation target guarantees (SSE2 on x86-64); vectorized by the compiler.
    Portable,
    /// AVX2 and FMA (with F16C, BMI1, BMI2, LZCNT, POPCNT).
    Avx2,
    /// AVX-512 F, BW, DQ, VL (with all of [`Isa::Avx2`]).
    Avx512,
}

impl Isa {
    /// All instruction sets that this processor supports, the least capable first.
    pub fn available() -> Vec<Isa> {
        [Isa::Portable, Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= detected()).collect()
    }
}

/// The most capable instruction set that this processor supports.
#[inline]
pub(crate) fn detected() -> Isa {
    static DETECTED: OnceLock<Isa> = OnceLock::new();
    *DETECTED.get_or_init(detect)
}

fn detect() -> Isa {
    #[cfg(target_arch = "x86_64")]
    {
        let base = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        if base {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return Isa::Avx512;
            }
            return Isa::Avx2;
        }
    }
    Isa::Portable
}

fn default_isa() -> Isa {
    static DEFAULT: OnceLock<Isa> = OnceLock::new();
    *DEFAULT.get_or_init(|| {
        let cap = match std::env::var("RUSHLIGHT_ISA").as_deref() {
            Ok("portable") => Isa::Portable,
            Ok("avx2") => Isa::Avx2,
            _ => Isa::Avx512,
        };
        cap.min(detected())
    })
}

thread_local! {
    static FORCED: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// The instruction set that kernels called from this thread use.
#[inline]
pub fn isa() -> Isa {
    FORCED.get().unwrap_or_else(default_isa)
}

/// Runs `f` with every kernel that it calls on this thread restricted to `isa`.
///
/// # Panics
/// If the processor does not support `isa`.
pub fn with_isa<R>(isa: Isa, f: impl FnOnce() -> R) -> R {
    assert!(isa <= detected(), "with_isa: this processor does not support {isa:?}, at most {:?}", detected());
    struct Restore(Option<Isa>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    let _restore = Restore(FORCED.replace(Some(isa)));
    f()
}

/// Sizes in bytes of the data caches that one core uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// First level, private to a core.
    pub l1: usize,
    /// Second level, private to a core.
    pub l2: usize,
    /// Last level, shared.
    pub l3: usize,
}

/// The cache sizes that the operating system reports; typical ones where it reports none.
pub fn caches() -> Caches {
    static CACHES: OnceLock<Caches> = OnceLock::new();
    *CACHES.get_or_init(|| {
        let mut found = Caches { l1: 32 << 10, l2: 512 << 10, l3: 8 << 20 };
        for index in 0..8 {
            let dir = format!("/sys/devices/system/cpu/cpu0/cache/index{index}");
            let read = |name: &str| std::fs::read_to_string(format!("{dir}/{name}")).ok();
            let (Some(level), Some(kind), Some(size)) = (read("level"), read("type"), read("size")) else { continue };
            let Some(bytes) = parse_size(size.trim()) else { continue };
            match (level.trim(), kind.trim()) {
                ("1", "Data") => found.l1 = bytes,
                ("2", _) => found.l2 = bytes,
                ("3", _) => found.l3 = bytes,
                _ => {}
            }
        }
        found
    })
}

/// Reads Linux's notation of a cache size: `48K`, `1024K`, `32M`.
fn parse_size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(['K', 'M']);
    let number: usize = digits.parse().ok().filter(|&n| n > 0)?;
    match &text[digits.len()..] {
        "" => Some(number),
        "K" => Some(number << 10),
        "M" => Some(number << 20),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forcing_is_local_and_undone() {
        let before = isa();
        with_isa(Isa::Portable, || {
            assert_eq!(isa(), Isa::Portable);
            assert_eq!(std::thread::spawn(isa).join().unwrap(), before);
        });
        assert_eq!(isa(), before);
    }

    #[test]
    fn cache_sizes_are_read() {
        assert_eq!(parse_size("48K"), Some(48 << 10));
        assert_eq!(parse_size("32M"), Some(32 << 20));
        assert_eq!(parse_size("x"), None);
        let caches = caches();
        assert!(caches.l1 <= caches.l2 && caches.l2 <= caches.l3, "{caches:?}");
    }
}
