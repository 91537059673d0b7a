//! The error type, and its conversion from and to panics.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// The error of a fallible operation. Every message names the operation, what was expected and what it got.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Shapes that an operation does not accept or that do not match.
    #[error("{op}: {message}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The shapes and the violated rule.
        message: String,
    },
    /// Dtypes that an operation does not support or cannot combine.
    #[error("{op}: {message}")]
    DType {
        /// The operation.
        op: &'static str,
        /// The dtypes and the violated rule.
        message: String,
    },
    /// A dimension or an element index that is out of range.
    #[error("{op}: {message}")]
    Index {
        /// The operation.
        op: &'static str,
        /// The index and its range.
        message: String,
    },
    /// An argument with a value outside its range.
    #[error("{op}: {message}")]
    Value {
        /// The operation.
        op: &'static str,
        /// The argument, its value and its range.
        message: String,
    },
    /// Tensors on different devices.
    #[error("{op}: {message}")]
    Device {
        /// The operation.
        op: &'static str,
        /// The devices.
        message: String,
    },
    /// A graph that cannot be differentiated as requested.
    #[error("{op}: {message}")]
    Autograd {
        /// The operation.
        op: &'static str,
        /// The cause, and the remedy.
        message: String,
    },
    /// A tensor that is accessed while it is being written, or written while it is being read: by another thread, or through an array over its
    /// memory.
    #[error(
        "{op}: expected shared access for reading or exclusive access for writing, got a tensor in use by another thread or through an array"
    )]
    Busy {
        /// The operation.
        op: &'static str,
    },
    /// A sparse tensor as an operand of an operation that does not take one.
    #[error("{op}: expected a strided tensor, got a sparse one (layout sparse_coo); to_dense converts")]
    Sparse {
        /// The operation.
        op: &'static str,
    },
    /// Memory that could not be allocated.
    #[error("out of memory: failed to allocate {bytes} bytes")]
    Memory {
        /// The number of bytes requested.
        bytes: usize,
    },
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// Data that violate their format.
    #[error("{what}: {message}")]
    Format {
        /// The file, or the kind of data if it is not a file.
        what: String,
        /// The fault.
        message: String,
    },
    /// A state dictionary that does not match a module or an optimizer.
    #[error("{message}")]
    State {
        /// The module, and every key that is missing, unexpected or of the wrong shape.
        message: String,
    },
    /// An error with the location in a model where it occurred.
    #[error("{place}: {source}")]
    At {
        /// The module's path and kind.
        place: String,
        /// The underlying error.
        source: Box<Error>,
    },
}

/// The result of a fallible operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructor {
    ($name:ident, $variant:ident) => {
        #[cold]
        pub(crate) fn $name(op: &'static str, message: impl Into<String>) -> Error {
            Error::$variant { op, message: message.into() }
        }
    };
}

impl Error {
    constructor!(shape, Shape);
    constructor!(dtype, DType);
    constructor!(index, Index);
    constructor!(value, Value);
    constructor!(autograd, Autograd);
    constructor!(device, Device);

    /// The same error, named after the operation that the user called.
    #[cold]
    pub(crate) fn named(mut self, name: &'static str) -> Error {
        if let Error::DType { op, .. } | Error::Value { op, .. } | Error::Index { op, .. } = &mut self {
            *op = name;
        }
        self
    }

    #[cold]
    pub(crate) fn io(path: impl AsRef<Path>, source: std::io::Error) -> Error {
        Error::Io { path: path.as_ref().to_path_buf(), source }
    }

    #[cold]
    pub(crate) fn format(what: impl Into<String>, message: impl Into<String>) -> Error {
        Error::Format { what: what.into(), message: message.into() }
    }

    #[cold]
    pub(crate) fn at(self, place: impl Into<String>) -> Error {
        Error::At { place: place.into(), source: Box::new(self) }
    }
}

thread_local! {
    /// The number of nested calls of [`catch`] on this thread.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
}

/// Returns the value, or panics with the error's message at the caller's line.
#[track_caller]
#[inline]
pub(crate) fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => fail(error),
    }
}

#[track_caller]
#[cold]
#[inline(never)]
pub(crate) fn fail(error: Error) -> ! {
    if CATCHING.get() > 0 && cfg!(panic = "unwind") {
        // The payload is the error itself, so that `catch` can return it. Nothing is printed, since the error is going to be returned.
        resume_unwind(Box::new(error));
    }
    panic!("{error}")
}

/// Runs `f` and turns the panic of a failed operation back into the typed [`Error`] that caused it.
///
/// Operators and methods such as `a + b` or `net.forward(&x)` panic with a message when shapes do not fit. At a boundary (a
/// server, a command line, bindings) this returns the error instead, without printing anything. Other panics are resumed.
///
/// # Errors
/// If an operation in `f` panics: its error.
///
/// # Panics
/// If `f` panics for another reason: that panic is resumed.
///
/// ```
/// use rushlight::Tensor;
/// let error = rushlight::catch(|| &Tensor::zeros([2, 3]) + &Tensor::zeros([4])).unwrap_err();
/// assert!(error.to_string().starts_with("add: expected broadcastable shapes, got [2, 3] and [4]"));
/// ```
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R> {
    CATCHING.set(CATCHING.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(f));
    CATCHING.set(CATCHING.get() - 1);
    result.or_else(|panic| match panic.downcast::<Error>() {
        Ok(error) => Err(*error),
        Err(other) => resume_unwind(other),
    })
}
