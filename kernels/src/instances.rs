//! Compiles generic kernels in this crate, once per element type, rather than in every dependent crate.

/// Declares a module's trait of element types, with one method per kernel, and implements it for a category of types
/// (`Float`, or `All`). The method `name` of type `T` calls the function `name::<T>` of the module given as `bodies`.
///
/// Public functions are generic over the trait and only call its methods: dependent crates then compile calls, not
/// kernels.
macro_rules! instances {
    ($(#[$doc:meta])* pub trait $name:ident: $bound:path; $category:ident types, bodies in $bodies:tt $methods:tt) => {
        instances! { @trait [$(#[$doc])*] $name: $bound; $methods }
        $crate::for_each_dtype! { instances @$category $name $bodies $methods }
    };

    (@trait [$($doc:tt)*] $name:ident: $bound:path; {
        $(fn $f:ident($($argument:ident: $type:ty),* $(,)?) $(-> $out:ty)?;)*
    }) => {
        $($doc)*
        pub trait $name: $bound {
            $(
                #[doc(hidden)]
                fn $f($($argument: $type),*) $(-> $out)?;
            )*
        }
    };

    (@Float $name:ident $bodies:tt $methods:tt Bool $bool:tt Integer $integer:tt Float {
        $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $dtype:literal, $file:literal;)*
    }) => {
        $(instances! { @impl $name $bodies $stored; $methods })*
    };
    (@All $name:ident $bodies:tt $methods:tt $($category:ident {
        $($(#[$doc:meta])* $variant:ident: $stored:ty as $computed:ty, $dtype:literal, $file:literal;)*
    })*) => {
        $($(instances! { @impl $name $bodies $stored; $methods })*)*
    };

    (@impl $name:ident $bodies:tt $t:ty; {
        $(fn $f:ident($($argument:ident: $type:ty),* $(,)?) $(-> $out:ty)?;)*
    }) => {
        impl $name for $t {
            $(fn $f($($argument: $type),*) $(-> $out)? {
                $bodies::$f::<$t>($($argument),*)
            })*
        }
    };
}
pub(crate) use instances;
