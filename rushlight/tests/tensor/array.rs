//! Memory shared by tensors and arrays of the crate `ndarray`.

use ndarray::{Array, Array2, ArrayD, Axis, IxDyn, ShapeBuilder, array, s};
use rushlight::{BackwardOptions, Bf16, DType, Device, Element, Error, F16, Tensor, no_grad};
use std::fmt::Debug;

#[test]
fn changes_are_seen_on_both_sides() {
    let x = Tensor::from_ndarray(array![[1i64, 2, 3], [4, 5, 6]]);
    assert_eq!((x.shape(), x.stride(), x.dtype()), (&[2, 3][..], &[3, 1][..], DType::I64));
    x.select(0, 0).fill_(-1);
    assert_eq!(*x.array::<i64>(), array![[-1, -1, -1], [4, 5, 6]].into_dyn());
    let column = x.select(1, 2);
    x.array_mut::<i64>()[[1, 2]] = 60;
    assert_eq!(column.to_vec::<i64>(), [-1, 60]);
    column.array_mut::<i64>().iter_mut().for_each(|v| *v *= 2);
    assert_eq!(x.to_vec::<i64>(), [-1, -1, -2, 4, 5, 120]);
    assert_eq!(x.array::<i64>().to_string(), "[[-1, -1, -2],\n [4, 5, 120]]");
}

#[test]
fn memory_is_neither_copied_nor_lost() {
    let data = Array2::from_shape_fn((100, 30), |(i, j)| (i * 30 + j) as f32);
    let start = data.as_ptr();
    let x = Tensor::from_ndarray(data);
    assert_eq!(x.array::<f32>().as_ptr(), start);
    assert_eq!(x.storage_bytes(), 12_000);
    let part = x.narrow(0, 1, 1);
    assert_eq!(part.array::<f32>().as_ptr(), start.wrapping_add(30));
    drop(x);
    assert_eq!(part.sum().item(), (30..60).sum::<i32>() as f64);
    let whole = Tensor::from_ndarray(array![1.5f64, 2.5]);
    let start = whole.array::<f64>().as_ptr();
    let back = whole.into_ndarray::<f64>();
    assert_eq!((back.as_ptr(), back), (start, array![1.5, 2.5].into_dyn()));
}

#[test]
fn the_array_comes_back_only_from_its_last_handle() {
    let there = |x: Tensor, start: *const i32| x.into_ndarray::<i32>().as_ptr() == start;
    let make = || {
        let x = Tensor::from_ndarray(Array::from_shape_vec((2, 3).f(), vec![1, 4, 2, 5, 3, 6]).unwrap());
        let start = x.array::<i32>().as_ptr();
        (x, start)
    };
    let (x, start) = make();
    assert!(there(x, start));
    let (x, start) = make();
    let other = x.clone();
    assert!(!there(x, start));
    assert!(there(other, start));
    // Not while a view refers to the memory, and not in another shape.
    let (x, start) = make();
    let view = x.t();
    assert!(!there(x, start));
    assert_eq!(view.into_ndarray::<i32>(), array![[1, 4], [2, 5], [3, 6]].into_dyn());
    let (mut x, start) = make();
    x.resize_([2, 2]);
    assert!(!there(x, start));
    // A tensor that no array was made into, and one on another device.
    assert_eq!(Tensor::from([[1, 2]]).into_ndarray::<i64>(), array![[1, 2]].into_dyn());
    assert_eq!(Tensor::from([1, 2]).to_device(Device::Reference).into_ndarray::<i64>(), array![1, 2].into_dyn());
    let error = make().0.try_into_ndarray::<f32>().unwrap_err();
    let message = "into_ndarray: expected the tensor's own type int32, got float32; to_dtype converts the tensor";
    assert_eq!(error.to_string(), message);
}

fn round_trip<T: Element + Debug>(values: [T; 2]) {
    let x = Tensor::from_ndarray(Array::from_vec(values.to_vec()));
    assert_eq!(x.dtype(), T::DTYPE);
    assert_eq!(x.copy().to_vec::<T>(), values);
    assert_eq!(*x.array::<T>(), Array::from_vec(values.to_vec()).into_dyn());
    x.array_mut::<T>().swap(0, 1);
    assert_eq!(x.into_ndarray::<T>().into_raw_vec_and_offset().0, [values[1], values[0]]);
}

#[test]
fn every_element_type() {
    round_trip([true, false]);
    round_trip([1u8, 255]);
    round_trip([-1i8, 127]);
    round_trip([-1i16, 300]);
    round_trip([-1i32, 1 << 20]);
    round_trip([-1i64, 1 << 40]);
    round_trip([F16::from_f32(0.5), F16::from_f32(-2.0)]);
    round_trip([Bf16::from_f32(0.5), Bf16::from_f32(-2.0)]);
    round_trip([0.5f32, -2.0]);
    round_trip([0.1f64, -2.0]);
}

#[test]
fn every_layout() {
    // Fortran's order, a part of a larger array, steps, one element, none, and no dimensions.
    let fortran = Array::from_shape_vec((2, 3).f(), vec![1, 2, 3, 4, 5, 6]).unwrap();
    let x = Tensor::from_ndarray(fortran.clone());
    assert_eq!((x.stride(), x.to_vec::<i32>()), (&[1, 2][..], vec![1, 3, 5, 2, 4, 6]));
    assert_eq!(*x.array::<i32>(), fortran.clone().into_dyn());
    let part = Array::from_iter(0..24i32).into_shape_with_order((4, 6)).unwrap().slice_move(s![1..;2, 2..;3]);
    let x = Tensor::from_ndarray(part.clone());
    assert_eq!((x.stride(), x.to_vec::<i32>()), (&[12, 3][..], vec![8, 11, 20, 23]));
    assert_eq!(x.storage_bytes(), 4 * (12 + 3 + 1));
    assert_eq!((&x + 1).to_vec::<i32>(), [9, 12, 21, 24]);
    assert_eq!(x.into_ndarray::<i32>(), part.into_dyn());
    for shape in [&[0][..], &[2, 0, 3], &[0, 4]] {
        let x = Tensor::from_ndarray(ArrayD::<f32>::zeros(shape));
        assert_eq!((x.shape(), x.numel(), x.storage_bytes()), (shape, 0, 0));
        assert_eq!(x.array::<f32>().shape(), shape);
        assert_eq!(x.array_mut::<f32>().len(), 0);
        assert_eq!(x.into_ndarray::<f32>().shape(), shape);
    }
    let x = Tensor::from_ndarray(ndarray::arr0(2.5f32));
    assert_eq!((x.dim(), x.item(), x.array::<f32>()[IxDyn(&[])]), (0, 2.5, 2.5));
    // Views of any tensor, also those that repeat elements.
    let x = Tensor::from([[1.0f32], [2.0]]).expand([2, 3]);
    assert_eq!(x.array::<f32>().sum_axis(Axis(1)), array![3.0, 6.0].into_dyn());
    assert_eq!(Tensor::zeros([1 << 10, 1 << 10]).t().array::<f32>().shape(), [1 << 10, 1 << 10]);
}

#[test]
fn arrays_that_tensors_cannot_be_over() {
    let mut backward = array![1, 2, 3];
    backward.invert_axis(Axis(0));
    let error = Tensor::try_from_ndarray(backward.clone()).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }));
    assert_eq!(
        error.to_string(),
        "from_ndarray: expected strides that are not negative, got shape [3] with strides [-1]; \
         as_standard_layout().into_owned() copies the array"
    );
    let copy = Tensor::from_ndarray(backward.as_standard_layout().into_owned());
    assert_eq!(copy.to_vec::<i32>(), [3, 2, 1]);
    let error = Tensor::try_from_ndarray(ArrayD::<f32>::zeros(&[1; 9][..])).unwrap_err();
    assert!(error.to_string().contains("expected at most 8 dimensions, got 9"), "{error}");
}

#[test]
fn guards_exclude_each_other() {
    let x = Tensor::from_ndarray(array![1.0f32, 2.0]);
    let view = x.narrow(0, 0, 1);
    let read = x.array::<f32>();
    let again = view.array::<f32>();
    assert_eq!((&x + &x).to_vec::<f32>(), [2.0, 4.0]);
    for error in [x.try_add_(1.0).unwrap_err(), view.try_array_mut::<f32>().err().unwrap()] {
        assert!(matches!(error, Error::Busy { .. }), "{error}");
        assert!(error.to_string().contains("in use by another thread or through an array"), "{error}");
    }
    drop((read, again));
    let mut write = view.array_mut::<f32>();
    write[0] = 7.0;
    for error in [x.try_add(1.0).unwrap_err(), x.try_array::<f32>().err().unwrap()] {
        assert!(matches!(error, Error::Busy { .. }), "{error}");
    }
    drop(write);
    assert_eq!(x.add_(1.0).to_vec::<f32>(), [8.0, 3.0]);
}

#[test]
fn only_the_own_type_in_host_memory() {
    let x = Tensor::from([1.0f32]);
    for error in [x.try_array::<f64>().err().unwrap(), x.try_array_mut::<i32>().err().unwrap()] {
        assert!(matches!(error, Error::DType { .. }) && error.to_string().contains("own type float32"), "{error}");
    }
    let there = x.to_device(Device::Reference);
    for error in [there.try_array::<f32>().err().unwrap(), there.try_array_mut::<f32>().err().unwrap()] {
        assert!(matches!(error, Error::Device { .. }) && error.to_string().contains("to_device copies it"), "{error}");
    }
    let error = x.expand([3]).try_array_mut::<f32>().err().unwrap();
    assert!(error.to_string().contains("got an expanded tensor of shape [3]; copy it first"), "{error}");
}

#[test]
fn changes_through_arrays_count_for_autograd() {
    let data = Tensor::from_ndarray(array![2.0f32, 3.0]);
    let w = Tensor::ones([2]).requires_grad_(true);
    let y = (&w * &data).sum();
    assert_eq!(data.version(), 0);
    y.backward_with(BackwardOptions::new().retain_graph(true));
    drop(data.array::<f32>());
    y.backward_with(BackwardOptions::new().retain_graph(true));
    assert_eq!(w.grad().unwrap().to_vec::<f32>(), [4.0, 6.0]);
    drop(data.array_mut::<f32>());
    assert_eq!(data.version(), 1);
    let error = y.try_backward().unwrap_err();
    assert!(error.to_string().contains("in-place"), "{error}");

    let error = w.try_array_mut::<f32>().err().unwrap();
    assert!(
        matches!(error, Error::Autograd { .. }) && error.to_string().contains("use detach() or no_grad"),
        "{error}"
    );
    assert!(w.narrow(0, 0, 1).try_array_mut::<f32>().is_err());
    assert!((&w * 2.0).try_array_mut::<f32>().is_err());
    no_grad(|| w.array_mut::<f32>().fill(5.0));
    w.detach().array_mut::<f32>()[0] = 6.0;
    assert_eq!(*w.array::<f32>(), array![6.0, 5.0].into_dyn());
    // A leaf over an array is trained in the array's memory.
    let leaf = Tensor::from_ndarray(array![1.0f64, 2.0]).requires_grad_(true);
    (&leaf * &leaf).sum().backward();
    no_grad(|| leaf.sub_(leaf.grad().unwrap()));
    assert_eq!(*leaf.array::<f64>(), array![-1.0, -2.0].into_dyn());
}

#[test]
fn the_memory_of_an_array_cannot_be_resized() {
    let mut x = Tensor::from_ndarray(array![1i64, 2, 3]);
    let error = x.try_resize_(4).unwrap_err();
    assert_eq!(
        error.to_string(),
        "resize_: Trying to resize storage that is not resizable: expected at most the 24 bytes of the array that the memory belongs to, \
         got 32 for the shape [4]"
    );
    assert_eq!(x.shape(), [3]);
    // Smaller is possible, and back.
    assert_eq!(x.resize_([1, 2]).to_string(), "tensor([[1, 2]])");
    assert_eq!(x.resize_(3).to_string(), "tensor([1, 2, 3])");
    let mut view = x.narrow(0, 1, 1);
    assert!(view.try_resize_(3).is_err());
    assert_eq!(view.resize_(2).to_vec::<i64>(), [2, 3]);
    // A tensor of the library's own memory cannot grow while an array over it lives.
    let mut y = Tensor::zeros([2]);
    let other = y.clone();
    let array = other.array::<f32>();
    assert!(matches!(y.try_resize_(100), Err(Error::Busy { .. })));
    assert_eq!((y.shape(), array.len()), (&[2][..], 2));
    drop(array);
    assert_eq!(y.resize_(100).numel(), 100);
}

#[test]
fn threads_share_an_array() {
    let x = Tensor::from_ndarray(Array::from_elem(10_000, 1.0f32));
    let total: f64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| x.array::<f32>().sum() as f64 + x.sum().item())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(total, 80_000.0);
    std::thread::spawn(move || x.into_ndarray::<f32>()).join().unwrap();
}

/// Memory that is aligned for its elements only, with operations that use wide registers and threads.
#[test]
fn kernels_need_no_more_than_the_elements_alignment() {
    let numbers = |n: usize| (0..n).map(|i| (i % 13) as f32 - 6.0).collect::<Vec<_>>();
    for offset in 0..4 {
        let n = (1 << 20) + 3;
        let odd = Array::from_vec(numbers(n + offset)).slice_move(s![offset..]);
        let (x, y) = (Tensor::from_ndarray(odd.clone()), Tensor::from(odd.to_vec()));
        assert_eq!((&x * 2.0 + &x).to_vec::<f32>(), (&y * 2.0 + &y).to_vec::<f32>());
        assert_eq!(x.sum().item(), y.sum().item());
        assert_eq!(x.exp_().to_vec::<f32>(), y.exp_().to_vec::<f32>());
        assert_eq!(x.copy_(&y.relu()).to_vec::<f32>(), y.relu().to_vec::<f32>());
        assert_eq!(x.fill_(3.0).sum().item(), 3.0 * n as f64);
        let matrix = Array::from_vec(numbers(64 * 64 + offset)).slice_move(s![offset..]);
        let matrix = matrix.into_shape_with_order((64, 64)).unwrap();
        let copy = Tensor::from(matrix.iter().copied().collect::<Vec<f32>>()).view([64, 64]);
        let matrix = Tensor::from_ndarray(matrix);
        assert_eq!(matrix.matmul(&matrix.t()).to_vec::<f32>(), copy.matmul(&copy.t()).to_vec::<f32>());
        let image = |x: &Tensor| x.view([1, 1, 64, 64]).conv2d(&x.narrow(0, 0, 1).view([4, 1, 4, 4]), None);
        assert_eq!(image(&matrix).to_vec::<f32>(), image(&copy).to_vec::<f32>());
    }
}
