//! Against `tests/golden/random.json.gz`, which `generate_random.py` made with PyTorch.

use std::fmt::Debug;
use std::io::Read;

use serde_json::Value;

use super::*;
use crate::data::random_sampler::{
    RandomSampler, base_seed, random_split, split_lengths, subset_random_order, weighted_random_order,
};

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/random.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn size(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn sizes(value: &Value) -> Vec<usize> {
    list(value).iter().map(size).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// What the fixtures need to know about an element: its bits, and how far apart two of them are in units in the last place.
trait Bits: Element + Debug {
    const BYTES: usize;
    fn bits(self) -> u64;
    fn ulps(self, bits: u64) -> u64 {
        self.bits().abs_diff(bits)
    }
}

macro_rules! bits {
    ($($t:ty: $bytes:literal $bits:expr;)*) => {$(
        impl Bits for $t {
            const BYTES: usize = $bytes;
            fn bits(self) -> u64 {
                let bits: fn($t) -> u64 = $bits;
                bits(self)
            }
        }
    )*};
}
bits! {
    f32: 4 |x| x.to_bits().into();
    f64: 8 |x| x.to_bits();
    i64: 8 |x| x as u64;
    i32: 4 |x| (x as u32).into();
    i16: 2 |x| (x as u16).into();
    i8: 1 |x| (x as u8).into();
    u8: 1 |x| x.into();
    bool: 1 |x| x.into();
}

fn checksum(bits: impl Iterator<Item = u64>) -> String {
    let term = |(i, bits): (usize, u64)| {
        (bits.wrapping_add(1)).wrapping_mul(2 * i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    bits.enumerate().map(term).fold(0, u64::wrapping_add).to_string()
}

/// Counts what passed through functions of the C library: all of it must be within an ulp, nearly all of it equal.
#[derive(Default)]
struct Tally {
    values: usize,
    unequal: usize,
}

fn compare<T: Bits>(got: &[T], want: &Value, tally: Option<&mut Tally>, what: &str) {
    let decode = |key: &str| -> Vec<u64> {
        let element = |chunk: &[u8]| chunk.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte));
        unhex(&want[key]).chunks_exact(T::BYTES).map(element).collect()
    };
    let bits = |x: &T| x.bits();
    if want["hex"].is_string() {
        let want = decode("hex");
        assert_eq!(got.len(), want.len(), "{what}");
        match tally {
            None => assert!(got.iter().map(bits).eq(want), "{what}: {got:?}"),
            Some(tally) => {
                for (&got, want) in got.iter().zip(want) {
                    assert!(got.ulps(want) <= 1, "{what}: {got:?} against bits {want:x}");
                    tally.values += 1;
                    tally.unequal += usize::from(got.bits() != want);
                }
            }
        }
    } else {
        let ends: Vec<u64> = got[..4].iter().chain(&got[got.len() - 4..]).map(bits).collect();
        assert_eq!(ends, decode("ends"), "{what}");
        assert_eq!(Value::from(checksum(got.iter().map(bits))), want["sum"], "{what}");
    }
}

/// The probabilities and weights of the generator script.
fn probabilities<T: Float + std::ops::Div<Output = T>>(n: usize) -> Vec<T> {
    (0..n as i64).map(|i| T::from_i64(i * 37 % 65) / T::from_i64(64)).collect()
}

fn weights<T: Float>(n: usize) -> Vec<T> {
    (0..n as i64).map(|i| T::from_i64((i * 29 + 3) % 17)).collect()
}

fn element_step<T: Bits>(g: &Generator, step: &Value, tally: &mut Tally) {
    let (op, args) = (step["op"].as_str().unwrap(), list(&step["args"]));
    let (float, integer) = (|i: usize| args[i].as_f64().unwrap(), |i: usize| args[i].as_i64().unwrap());
    let n = size(&step["n"]);
    let out = &mut vec![T::from_bool(true); n];
    let mut library = None;
    match op {
        "randint" => g.randint(out, integer(0), integer(1)),
        "random_from" => g.random_from(out, integer(0)),
        "bernoulli" => g.bernoulli(out, float(0)),
        "bernoulli_with32" => g.bernoulli_with(out, &probabilities::<f32>(n)),
        "bernoulli_with64" => g.bernoulli_with(out, &probabilities::<f64>(n)),
        "geometric" => {
            library = Some(tally);
            g.geometric(out, float(0))
        }
        "random" => {
            g.random(out);
            Ok(())
        }
        _ => panic!("{op}"),
    }
    .unwrap();
    compare(out, step, library, &step.to_string());
}

fn float_step<T>(g: &Generator, step: &Value, tally: &mut Tally)
where
    T: Float + Bits + std::ops::Add<Output = T> + std::ops::Div<Output = T>,
{
    let (op, args) = (step["op"].as_str().unwrap(), list(&step["args"]));
    let float = |i: usize| args[i].as_f64().unwrap();
    let n = size(&step["n"]);
    let out = &mut vec![T::from_bool(true); n];
    let exact = op == "uniform" || op == "normal" && n >= 16 && T::BYTES == 4;
    match op {
        "uniform" => g.uniform(out, float(0), float(1)),
        "normal" => g.normal(out, float(0), float(1)),
        "normal_strided" => g.normal_scalar(out, float(0), float(1)),
        "exponential" => g.exponential(out, float(0)),
        "cauchy" => g.cauchy(out, float(0), float(1)),
        "log_normal" => g.log_normal(out, float(0), float(1)),
        "multinomial" => {
            let categories = size(&args[0]);
            let drawn = g.multinomial(&weights::<T>(categories), categories, n, args[1] == 1).unwrap();
            return compare(&drawn, step, None, &step.to_string());
        }
        _ => return element_step::<T>(g, step, tally),
    }
    .unwrap();
    compare(out, step, (!exact).then_some(tally), &step.to_string());
}

fn run_step(g: &Generator, step: &Value, tally: &mut Tally) {
    if step["op"] == "randperm" {
        return compare(&g.randperm(size(&step["n"])), step, None, &step.to_string());
    }
    match step["dtype"].as_str().unwrap() {
        "float32" => float_step::<f32>(g, step, tally),
        "float64" => float_step::<f64>(g, step, tally),
        "int64" => element_step::<i64>(g, step, tally),
        "int32" => element_step::<i32>(g, step, tally),
        "int16" => element_step::<i16>(g, step, tally),
        "int8" => element_step::<i8>(g, step, tally),
        "uint8" => element_step::<u8>(g, step, tally),
        "bool" => element_step::<bool>(g, step, tally),
        other => panic!("{other}"),
    }
}

#[test]
fn programs_of_draws() {
    use rushlight_kernels::isa::{Isa, with_isa};

    let golden = golden();
    for isa in Isa::available() {
        with_isa(isa, || {
            let mut tally = Tally::default();
            for program in list(&golden["programs"]) {
                let g = Generator::from_seed(program["seed"].as_str().unwrap().parse().unwrap());
                for step in list(&program["steps"]) {
                    run_step(&g, step, &mut tally);
                }
                // The state holds half a pair of normals: a value from the C library.
                let state = g.get_state();
                if state[5024..5032] == [0; 8] {
                    assert_eq!(Value::from(checksum(state.iter().map(|&b| b.into()))), program["state"]);
                }
            }
            assert!(tally.values > 5000 && tally.unequal * 50 < tally.values, "{} of {}", tally.unequal, tally.values);
            println!("{isa:?}: {} of {} values differ by an ulp", tally.unequal, tally.values);
        });
    }
}

/// The numbers that PyTorch's users know, readable: each after `torch.manual_seed(0)`.
#[test]
fn seed_zero() {
    fn draws<T, const N: usize>(want: [T; N], f: impl Fn(&Generator, &mut [T]) -> Result<(), String>)
    where
        T: Element + Debug + PartialEq,
    {
        let mut out = [T::from_bool(false); N];
        f(&Generator::from_seed(0), &mut out).unwrap();
        assert_eq!(out, want);
    }
    draws([0.4962566f32, 0.7682218, 0.08847743, 0.13203049], |g, x| g.uniform(x, 0.0, 1.0));
    draws([0.9700530018065531, 0.707819864399788], |g, x| g.uniform(x, 0.0, 1.0));
    draws([-0.000748682f32, 0.05364436, -0.082304515, -0.07359391], |g, x| g.uniform(x, -0.1, 0.1));
    draws([1.5409961f32, -0.2934289, -2.1787894, 0.56843126, -1.0845224], |g, x| g.normal(x, 0.0, 1.0));
    draws([-1.1258398, -1.1523602, -0.25057858, -0.4338788], |g, x: &mut [f32]| {
        let mut block = [0.0; 16];
        g.normal(&mut block, 0.0, 1.0)?;
        x.copy_from_slice(&block[..4]);
        Ok(())
    });
    draws([0.59883946, -1.5550951, -0.3413604, 1.8530061], |g, x: &mut [f32]| {
        let mut with_tail = [0.0; 20];
        g.normal(&mut with_tail, 0.0, 1.0)?;
        x.copy_from_slice(&with_tail[4..8]);
        Ok(())
    });
    draws([44i64, 39, 33, 60, 63, 79, 27, 3], |g, x| g.randint(x, 0, 100));
    draws([130329135i64, 136432832, 195187451, 149257575], |g, x| g.randint(x, 0, 1 << 28));
    draws([0.0f32, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0], |g, x| g.bernoulli(x, 0.5));
    draws([1.0f32, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0], |g, x| g.bernoulli_with(x, &[0.5f32; 8]));
    draws([0.0f32, 0.0, 1.4285715, 0.0, 1.4285715], |g, x| g.dropout_noise(x, 0.3));
    draws([3.5083263f32, 1.2303847, 0.6150441, 2.5351186], |g, x| g.exponential(x, 1.0));
    draws([1.0f32, 2.0, 4.0, 1.0, 2.0, 2.0, 8.0, 5.0], |g, x| g.geometric(x, 0.2));
    draws([10.59773f32, 0.7647673, -0.12829934, 3.9330733], |g, x| g.cauchy(x, 0.0, 1.0));
    draws([59.263416f32, 1.51156, 0.03481946, 8.472813], |g, x| g.log_normal(x, 1.0, 2.0));
    assert_eq!(Generator::from_seed(0).randperm(10), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
}

#[test]
fn dropout_noise() {
    for case in list(&golden()["dropouts"]) {
        let (p, what) = (case["p"].as_f64().unwrap(), case.to_string());
        let g = Generator::from_seed(7);
        if case["dtype"] == "float32" {
            let mut noise = [0f32; 1000];
            g.dropout_noise(&mut noise, p).unwrap();
            compare(&noise, case, None, &what);
        } else {
            let mut noise = [0f64; 1000];
            g.dropout_noise(&mut noise, p).unwrap();
            compare(&noise, case, None, &what);
        }
    }
    let (g, mut noise) = (Generator::new(), [7f32; 3]);
    let before = g.get_state();
    g.dropout_noise(&mut noise, 0.0).unwrap();
    assert_eq!(noise, [1.0; 3]);
    g.dropout_noise(&mut noise, 1.0).unwrap();
    assert_eq!(noise, [0.0; 3]);
    assert_eq!(g.get_state(), before);
    assert_eq!(
        g.dropout_noise(&mut noise, 1.5).unwrap_err(),
        "dropout probability has to be between 0 and 1, but got 1.5"
    );
}

#[test]
fn state_records() {
    for case in list(&golden()["states"]) {
        let record = unhex(&case["record"]);
        let seed = case["seed"].as_str().unwrap().parse().unwrap();
        let g = Generator::from_seed(seed);
        g.uniform(&mut vec![0f32; size(&case["words"])], 0.0, 1.0).unwrap();
        g.normal(&mut vec![0f32; size(&case["normals"])], 0.0, 1.0).unwrap();
        let ours = g.get_state();
        assert_eq!((&ours[..5024], &ours[5032..]), (&record[..5024], &record[5032..]));

        let other = Generator::new();
        other.set_state(&record).unwrap();
        assert_eq!(other.get_state(), record);
        assert_eq!(other.initial_seed(), seed);
        let mut after = [0f64; 5];
        other.normal(&mut after, 0.0, 1.0).unwrap();
        let want: Vec<u64> = unhex(&case["after"]).as_chunks().0.iter().map(|&b| u64::from_le_bytes(b)).collect();
        assert!(after.iter().zip(want).all(|(x, want)| x.ulps(want) <= 1), "{after:?}");
    }
}

#[test]
fn bad_state_records() {
    let g = Generator::from_seed(3);
    g.random_i64();
    let good = g.get_state();
    assert_eq!(
        g.set_state(&good[1..]).unwrap_err(),
        "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 5055"
    );
    // left 0, left 625, not seeded, next 625, more words left than there are.
    for (offset, value) in [(8, 0u32), (8, 625), (12, 0), (16, 625), (8, 624), (16, 624)] {
        let mut bad = good.clone();
        bad[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        assert_eq!(g.set_state(&bad).unwrap_err(), "Invalid mt19937 state");
    }
    assert_eq!(g.get_state(), good);
}

#[test]
fn order_of_strided_outputs() {
    for case in list(&golden()["orders"]) {
        let (shape, strides) = (sizes(&case["shape"]), sizes(&case["strides"]));
        let mut offsets = vec![0];
        for d in fill_order(&shape, &strides) {
            offsets = offsets
                .iter()
                .flat_map(|o| (0..shape[d]).map(move |i| (o, i)))
                .map(|(o, i)| o + i * strides[d])
                .collect();
        }
        assert_eq!(offsets, sizes(&case["offsets"]), "{case}");
    }
}

/// Tests of the default generator take turns: it is one for the whole process.
static DEFAULT_GENERATOR: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn samplers_and_loaders() {
    let _turn = DEFAULT_GENERATOR.lock();
    let golden = golden();
    for case in list(&golden["samplers"]) {
        manual_seed(3);
        let own = case["own"].as_bool().unwrap().then(|| Generator::from_seed(4));
        let mut sampler = RandomSampler::new(size(&case["n"]))
            .num_samples(size(&case["samples"]))
            .replacement(case["replacement"].as_bool().unwrap());
        if let Some(own) = &own {
            sampler = sampler.generator(own);
        }
        let epochs = list(&case["epochs"]);
        for epoch in &epochs[..3] {
            assert_eq!(sampler.iter().len(), sizes(epoch).len());
            assert_eq!(sampler.iter().take(0).count(), 0);
            assert_eq!(sampler.iter().collect::<Vec<_>>(), sizes(epoch));
        }
        assert_eq!(sampler.iter().take(list(&epochs[3]).len()).collect::<Vec<_>>(), sizes(&epochs[3]));
        assert_eq!(base_seed(own.as_ref()), case["after"].as_i64().unwrap(), "{case}");
    }
    for case in list(&golden["loaders"]) {
        manual_seed(5);
        let own = case["own"].as_bool().unwrap().then(|| Generator::from_seed(6));
        let (n, batch, drop_last) = (size(&case["n"]), size(&case["size"]), case["drop_last"] == true);
        for epoch in list(&case["epochs"]) {
            base_seed(own.as_ref());
            let mut sampler = RandomSampler::new(n);
            if let Some(own) = &own {
                sampler = sampler.generator(own);
            }
            let mut items: Box<dyn Iterator<Item = usize>> =
                if case["shuffle"] == true { Box::new(sampler.iter()) } else { Box::new(0..n) };
            let mut batches = Vec::new();
            loop {
                let next: Vec<usize> = items.by_ref().take(batch).collect();
                if next.is_empty() || drop_last && next.len() < batch {
                    break;
                }
                batches.push(next);
            }
            assert_eq!(batches, list(epoch).iter().map(sizes).collect::<Vec<_>>());
        }
        assert_eq!(base_seed(own.as_ref()), case["after"].as_i64().unwrap(), "{case}");
    }
}

#[test]
fn other_samplers() {
    let _turn = DEFAULT_GENERATOR.lock();
    let golden = &golden()["others"];
    let w: Vec<f64> = list(&golden["weights"]).iter().map(|w| w.as_f64().unwrap()).collect();
    manual_seed(8);
    let subset: Vec<usize> = (100..130).collect();
    assert_eq!(subset_random_order(&subset, None), sizes(&golden["subset"]));
    assert_eq!(weighted_random_order(&w, 20, true, None).unwrap(), sizes(&golden["weighted"][0]));
    assert_eq!(weighted_random_order(&w, 5, false, None).unwrap(), sizes(&golden["weighted"][1]));
    let parts = list(&golden["split"]).iter().map(sizes).collect::<Vec<_>>();
    assert_eq!(random_split(20, &[13, 0, 7], None).unwrap(), parts);
    let lengths = split_lengths(23, &[0.3, 0.3, 0.4]).unwrap();
    assert_eq!(lengths, sizes(&golden["fractions"]));
    random_split(23, &lengths, None).unwrap();
    let g = default_generator();
    let mut rows = g.multinomial(&weights::<f64>(12), 4, 3, false).unwrap();
    rows.extend(g.multinomial(&weights::<f32>(12), 4, 9, true).unwrap());
    assert_eq!(rows, list(&golden["rows"]).iter().map(|x| x.as_i64().unwrap()).collect::<Vec<_>>());
    assert_eq!(base_seed(None), golden["after"].as_i64().unwrap());

    assert!(random_split(20, &[13, 6], None).unwrap_err().contains("does not equal"));
    assert!(random_split(1, &[usize::MAX, 2], None).is_err());
    assert!(split_lengths(3, &[0.5, 0.4]).unwrap_err().contains("got a sum of 0.9"));
    assert!(split_lengths(3, &[1.5, -0.5]).unwrap_err().contains("index 0"));
    assert_eq!(RandomSampler::new(0).iter().count(), 0);
}

/// torch takes this form only for permutations of more than a gigabyte; the golden values are numpy's mt19937 under the
/// same rule.
#[test]
fn long_permutation() {
    let want: Vec<i64> = list(&golden()["long_permutation"]).iter().map(|x| x.as_i64().unwrap()).collect();
    assert_eq!(integers::randperm_long(&Generator::from_seed(9), want.len()), want);
}

#[test]
fn seeds() {
    let _turn = DEFAULT_GENERATOR.lock();
    assert_eq!(Generator::new().initial_seed(), 67280421310721);
    let g = Generator::from_seed(5);
    let clone = g.clone();
    assert_eq!(g.random_i64(), Generator::from_seed(5).random_i64());
    let second = clone.random_i64();
    g.manual_seed(5);
    g.random_i64();
    assert_eq!(g.random_i64(), second);

    let seed = g.seed();
    assert!(seed < 1 << 53 && seed != g.seed() && g.initial_seed() != 5);
    // Seeding forgets half a pair of normals.
    g.normal(&mut [0f32], 0.0, 1.0).unwrap();
    g.manual_seed(5);
    assert_eq!(g.get_state(), Generator::from_seed(5).get_state());

    manual_seed(1);
    assert_eq!(default_generator().initial_seed(), 1);
    assert_eq!(format!("{g:?}"), "Generator { initial_seed: 5, .. }");
}

#[test]
fn bad_arguments() {
    let g = Generator::from_seed(0);
    let (x, y, i, b) = (&mut [0f32; 2], &mut [0f64; 2], &mut [0u8; 2], &mut [false; 2]);
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for (got, want) in [
        (g.uniform(x, 1.0, 0.0), "uniform_ expects to return a [from, to) range, but found from=1 > to=0"),
        (g.uniform(x, -1e39, 1.0), "from is out of bounds for float"),
        (g.uniform(x, 0.0, nan), "to is out of bounds for float"),
        (g.uniform(y, 0.0, inf), "to is out of bounds for double"),
        (
            g.uniform(x, -3e38, 3e38),
            "uniform_ expects to-from <= std::numeric_limits<Float>::max(), but found to=3e38 and from=-3e38 which result in to-from to exceed the limit",
        ),
        (g.normal(x, 0.0, -1.0), "normal expects std >= 0.0, but found std -1"),
        (g.normal(&mut [0f32; 20], 0.0, nan), "normal expects std >= 0.0, but found std nan"),
        (g.log_normal(x, 0.0, 0.0), "log_normal_ expects std > 0.0, but found std=0"),
        (g.exponential(x, 0.0), "exponential_ expects lambda > 0.0, but found lambda=0"),
        (g.geometric(i, 1.0), "geometric_ expects p to be in (0, 1), but got p=1"),
        (g.cauchy(x, 0.0, -1.0), "cauchy_ expects sigma > 0.0, but found sigma=-1"),
        (g.bernoulli(b, 2.0), "bernoulli_ expects p to be in [0, 1], but got p=2"),
        (g.bernoulli(b, nan), "bernoulli_ expects p to be in [0, 1], but got p=nan"),
        (g.bernoulli_with(b, &[0.5f32, -0.5]), "bernoulli expects probabilities in [0, 1], but found -0.5"),
        (g.randint(y, 5, 5), "random_ expects 'from' to be less than 'to', but got from=5 >= to=5"),
        (g.randint(i, 0, 300), "to - 1 is out of bounds for unsigned char"),
        (g.randint(i, -1, 3), "from is out of bounds for unsigned char"),
        (g.randint(b, 0, 3), "to - 1 is out of bounds for bool"),
        (
            g.randint(x, (1 << 24) + 3, (1 << 24) + 4),
            "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=16777219 >= to=16777218",
        ),
        (g.random_from(b, 2), "from is out of bounds for bool"),
        (
            g.random_from(x, 1 << 30),
            "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from=1073741824 > to_inc=16777216",
        ),
    ] {
        assert_eq!(got.unwrap_err(), want);
    }
    let weights = [0.0f32, 1.0, 2.0];
    for (got, want) in [
        (g.multinomial(&[0.0f32; 3], 3, 1, false), "invalid multinomial distribution (sum of probabilities <= 0)"),
        (
            g.multinomial(&weights, 3, 4, false),
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
        ),
        (
            g.multinomial::<f32>(&[], 0, 1, true),
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
        ),
        (g.multinomial(&weights, 3, 0, true), "cannot sample n_sample <= 0 samples"),
        (g.multinomial(&[1.0, -1.0], 2, 1, true), "probability tensor contains either `inf`, `nan` or element < 0"),
        (g.multinomial(&[1.0, inf], 2, 2, true), "probability tensor contains either `inf`, `nan` or element < 0"),
    ] {
        assert_eq!(got.unwrap_err(), want);
    }
    assert_eq!(g.get_state(), Generator::from_seed(0).get_state(), "a refused call draws nothing");
    // Nothing to fill, nothing drawn.
    g.normal::<f32>(&mut [], 0.0, 1.0).unwrap();
    g.uniform::<f64>(&mut [], 0.0, 1.0).unwrap();
    assert!(g.randperm(0).is_empty() && g.randperm(1) == [0]);
    assert_eq!(g.get_state(), Generator::from_seed(0).get_state());
    // The whole range of a 64-bit integer, and floats whose bounds rounding moves.
    g.randint(&mut [0i64; 2], i64::MIN, i64::MAX).unwrap();
    g.random_from(&mut [0i64; 2], i64::MIN).unwrap();
    g.randint(x, i64::MIN, i64::MAX).unwrap();
    g.randint(x, (1 << 24) + 1, (1 << 24) + 2).unwrap();
    assert_eq!(*x, [16777216.0; 2]);
}
