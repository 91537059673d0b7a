//! The one error type, and the bridge between it and panics.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

/// What can go wrong. Every message names the operation, what it got and the rule that was broken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Shapes that do not fit an operation or each other.
    #[error("{op}: {message}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// Shapes and the broken rule.
        message: String,
    },
    /// Data types that an operation does not take or cannot combine.
    #[error("{op}: {message}")]
    DType {
        /// The operation.
        op: &'static str,
        /// Types and the broken rule.
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
    /// A graph that cannot be differentiated as asked.
    #[error("{op}: {message}")]
    Autograd {
        /// The operation.
        op: &'static str,
        /// What is in the way, and the cure.
        message: String,
    },
    /// A tensor that another thread is writing while this one wants it, or reading while this one wants to write it.
    #[error(
        "{op}: expected shared access for reading or exclusive access for writing, got a tensor that another thread is using"
    )]
    Busy {
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
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes that are not what their format demands.
    #[error("{what}: {message}")]
    Format {
        /// The file, or the kind of data where there is no file.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// A state that does not fit a module or an optimizer.
    #[error("{message}")]
    State {
        /// The module, and every key that is missing, unexpected or of the wrong shape.
        message: String,
    },
    /// An error with the place in a model where it came up.
    #[error("{place}: {source}")]
    At {
        /// The module's path and kind.
        place: String,
        /// What went wrong there.
        source: Box<Error>,
    },
}

/// The result of an operation that can fail.
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

    /// The same error under the name of the operation that the user called.
    #[cold]
    pub(crate) fn named(mut self, name: &'static str) -> Error {
        if let Error::DType { op, .. } | Error::Value { op, .. } = &mut self {
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
    /// How many calls of [`catch`] this thread is in.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
}

/// The value, or a panic with the error's text at the caller's own line.
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
        // The error itself is what is thrown, so that `catch` knows it. It is going to be returned, so nothing is printed.
        resume_unwind(Box::new(error));
    }
    panic!("{error}")
}

/// Runs `f` and turns the panic of a failed operation back into the typed [`Error`] that caused it.
///
/// Operators and methods such as `a + b` or `net.forward(&x)` panic with a message when shapes do not fit. At a boundary (a
/// server, a command line, bindings) this returns the error instead, without printing anything. Panics of any other origin go on.
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
