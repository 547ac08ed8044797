use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::exports::filmgate::plugin::renderer;
use crate::{Error, Job};

/// What [`plugin!`](crate::plugin) expands to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use super::call;
    pub use crate::bindings::exports::filmgate::plugin::renderer;
}

/// Parses the job, calls the plugin's function and writes the answer as JSON.
#[doc(hidden)]
pub fn call<P, S, E>(
    job: renderer::Job,
    render: impl FnOnce(&Job<P>) -> Result<S, E>,
) -> Result<String, renderer::Error>
where
    P: DeserializeOwned,
    S: Serialize,
    E: Into<Error>,
{
    let job = Job::<P>::from_wire(job)?;
    let summary = render(&job).map_err(|error| error.into())?;
    serde_json::to_string(&summary).map_err(|error| Error::from(error).context("write the summary").into())
}

/// Makes a function the plugin: `filmgate_plugin::plugin!(render);`
///
/// The function takes `&Job<P>`, where `P` is any type serde can read the parameters into, and answers
/// `Result<S, E>`, where serde can write `S`, the summary for the caller, and `E` is [`Error`](crate::Error) or turns
/// into it. Use it once in a crate of type `cdylib`, built for `wasm32-wasip2`. On other targets the function is only
/// type-checked, so that the same crate's unit tests run natively.
#[macro_export]
macro_rules! plugin {
    ($render:path) => {
        const _: () = {
            struct Plugin;

            impl $crate::__private::renderer::Guest for Plugin {
                fn render(
                    job: $crate::__private::renderer::Job,
                ) -> ::core::result::Result<::std::string::String, $crate::__private::renderer::Error> {
                    $crate::__private::call(job, $render)
                }
            }

            #[cfg(target_family = "wasm")]
            $crate::bindings::export! { Plugin with_types_in $crate::bindings }

            // Elsewhere nothing calls it; this keeps the compiler from calling the plugin's code unused.
            #[cfg(not(target_family = "wasm"))]
            #[used]
            static RENDER: fn(
                $crate::__private::renderer::Job,
            )
                -> ::core::result::Result<::std::string::String, $crate::__private::renderer::Error> =
                <Plugin as $crate::__private::renderer::Guest>::render;
        };
    };
}
