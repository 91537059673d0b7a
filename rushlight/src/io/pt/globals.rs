//! The names that a pickle may refer to. Nothing is looked up in a program: each name is one of these cases, and anything else is an error.

use super::value::DictKind;
use crate::tensor::DType;

/// The element type of a storage.
#[derive(Debug)]
pub(super) struct StorageType {
    /// The class, such as `FloatStorage`.
    pub(super) class: &'static str,
    /// Bytes per element.
    pub(super) size: usize,
    /// `None` for what this library does not have.
    pub(super) dtype: Option<DType>,
}

const fn storage(class: &'static str, size: usize, dtype: Option<DType>) -> StorageType {
    StorageType { class, size, dtype }
}

static STORAGES: [StorageType; 17] = [
    storage("FloatStorage", 4, Some(DType::F32)),
    storage("DoubleStorage", 8, Some(DType::F64)),
    storage("HalfStorage", 2, Some(DType::F16)),
    storage("BFloat16Storage", 2, Some(DType::Bf16)),
    storage("LongStorage", 8, Some(DType::I64)),
    storage("IntStorage", 4, Some(DType::I32)),
    storage("ShortStorage", 2, Some(DType::I16)),
    storage("CharStorage", 1, Some(DType::I8)),
    storage("ByteStorage", 1, Some(DType::U8)),
    storage("BoolStorage", 1, Some(DType::Bool)),
    storage("ComplexFloatStorage", 8, None),
    storage("ComplexDoubleStorage", 16, None),
    storage("QInt8Storage", 1, None),
    storage("QUInt8Storage", 1, None),
    storage("QInt32Storage", 4, None),
    storage("QUInt4x2Storage", 1, None),
    storage("QUInt2x4Storage", 1, None),
];

/// Bytes without a type, of which tensors of newer dtypes are views.
static UNTYPED: StorageType = storage("UntypedStorage", 1, None);

/// The class of the storages of a dtype.
pub(super) fn storage_class(dtype: DType) -> &'static str {
    STORAGES.iter().find(|storage| storage.dtype == Some(dtype)).expect("every dtype has a storage").class
}

/// What a name in a pickle stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Global {
    /// `_rebuild_tensor`: storage, offset, size, stride.
    Tensor,
    /// `_rebuild_tensor_v2`: storage, offset, size, stride, requires_grad, hooks.
    TensorV2,
    /// `_rebuild_parameter`: tensor, requires_grad, hooks; and with attributes.
    Parameter,
    /// `_rebuild_from_type_v2`: another function, a class, arguments, attributes.
    FromType,
    /// `_rebuild_sparse_tensor`: layout, (indices, values, size, is_coalesced).
    Sparse,
    /// `_get_layout`: the layout's name.
    Layout,
    /// A tensor of a kind that this library does not have.
    Unsupported(&'static str),
    Storage(&'static StorageType),
    DType(DType),
    Dict(DictKind),
    Set,
    /// `_codecs.encode`: text whose characters are bytes.
    Encode,
    Bytes,
    Size,
    Device,
    /// A class or constant that is only an argument.
    Opaque,
}

/// Dtypes of PyTorch's that this library does not have.
const OTHER_DTYPES: [&str; 19] = [
    "complex32",
    "complex64",
    "complex128",
    "uint16",
    "uint32",
    "uint64",
    "quint8",
    "qint8",
    "qint32",
    "quint4x2",
    "quint2x4",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float4_e2m1fn_x2",
    "bits8",
    "bits16",
];

pub(super) fn find(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("torch._utils", "_rebuild_tensor") => Global::Tensor,
        ("torch._utils", "_rebuild_tensor_v2") => Global::TensorV2,
        ("torch._utils", "_rebuild_tensor_v3") => Global::Unsupported("of a dtype"),
        ("torch._utils", "_rebuild_qtensor") => Global::Unsupported("with quantized elements"),
        ("torch._utils", "_rebuild_meta_tensor_no_storage") => {
            Global::Unsupported("without elements, on the meta device,")
        }
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::Parameter,
        ("torch._utils", "_rebuild_sparse_tensor") => Global::Sparse,
        ("torch._tensor", "_rebuild_from_type_v2") => Global::FromType,
        ("torch.serialization", "_get_layout") => Global::Layout,
        ("torch" | "torch.cuda", class) if class.ends_with("Storage") => {
            Global::Storage(STORAGES.iter().find(|storage| storage.class == class)?)
        }
        ("torch.storage", "UntypedStorage") => Global::Storage(&UNTYPED),
        ("torch", "Size") => Global::Size,
        ("torch", "device") => Global::Device,
        ("torch", "Tensor") | ("torch.nn.parameter", "Parameter") => Global::Opaque,
        ("torch", scheme) if scheme.starts_with("per_tensor_") || scheme.starts_with("per_channel_") => Global::Opaque,
        ("torch", dtype) => match DType::ALL.iter().find(|own| own.name() == dtype) {
            Some(own) => Global::DType(*own),
            None => Global::Unsupported(OTHER_DTYPES.iter().find(|other| **other == dtype)?),
        },
        ("collections", "OrderedDict") => Global::Dict(DictKind::OrderedDict),
        ("collections", "Counter") => Global::Dict(DictKind::Counter),
        ("_codecs", "encode") => Global::Encode,
        ("builtins" | "__builtin__", "set" | "frozenset") => Global::Set,
        ("builtins" | "__builtin__", "bytes" | "bytearray") => Global::Bytes,
        _ => return None,
    })
}
