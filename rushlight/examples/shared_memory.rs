//! An array and a tensor over the same memory: a change on one side is seen on the other.
//!
//! `cargo run -p rushlight --features ndarray --example shared_memory`

use ndarray::array;
use rushlight::prelude::*;

fn main() {
    // In PyTorch: a = numpy.array([1, 2, 3]); t = torch.from_numpy(a)
    let mut t = Tensor::from_ndarray(array![1_i64, 2, 3]);
    println!("{t}");

    // t[0] = -1, seen in the array.
    t.select(0, 0).fill_(-1);
    println!("{}", t.array::<i64>());

    // a[2] = 7, seen in the tensor.
    t.array_mut::<i64>()[2] = 7;
    println!("{t}");

    // The memory is the array's, so it cannot grow.
    if let Err(error) = t.try_resize_(4) {
        println!("{error}");
    }

    // Without other handles the tensor gives the array back, with the same memory.
    let a = t.into_ndarray::<i64>();
    println!("{a}");
}
