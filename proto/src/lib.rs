//! The wire contract between the workflow engine and its infrastructure plugins.
//!
//! The messages are one superset of all that any revision of the contract had; [`Revision`] says which parts
//! of it one revision knows.
//!
//! ```
//! use counterfoil_proto::{Contract, Revision};
//!
//! let found = Revision::for_version("v0.57.0-rc1")?;
//! assert_eq!(found.revision, Revision::V0_57);
//! assert!(!Contract::at(found.revision).messages.contains_key("workflow.plugin.external.iac.ApplyResult"));
//! # Ok::<(), counterfoil_proto::VersionError>(())
//! ```

pub mod contract;
pub mod edit;
pub mod handshake;
pub mod history;
mod revision;

pub use contract::Contract;
pub use revision::{
    EngineColumns, Hook, ParseRangeError, ParseRevisionError, Revision, RevisionRange, StatusMapKind,
    UndeclaredV2, VersionError, VersionMatch, VersionWhy,
};

/// A module with the generated code of one package.
macro_rules! generated {
    ($(#[$doc:meta])+ $name:ident, $package:literal $(, $lint:ident)?) => {
        $(#[$doc])+
        #[expect(clippy::doc_markdown $(, $lint)?, reason = "generated code")]
        #[cfg_attr(
            feature = "grpc",
            expect(
                unused_qualifications,
                clippy::allow_attributes,
                clippy::allow_attributes_without_reason,
                clippy::default_trait_access,
                clippy::missing_errors_doc,
                reason = "generated code"
            )
        )]
        pub mod $name {
            include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
        }
    };
}

generated!(
    /// Package `workflow.plugin.external.iac`: the infrastructure services.
    iac, "workflow.plugin.external.iac", missing_docs
);
generated!(
    /// Package `workflow.plugin.v1`: the services that every plugin of the engine has.
    plugin_v1, "workflow.plugin.v1", missing_docs
);
generated!(
    /// Package `plugin`: the services of the plugin process protocol.
    go_plugin, "plugin"
);
generated!(
    /// Package `grpc.health.v1`: the standard health service.
    health, "grpc.health.v1"
);

/// Package `counterfoil.adapter.v1`: what Counterfoil and an adapter say to each other. It is no part of the contract.
#[expect(clippy::doc_markdown, clippy::struct_excessive_bools, missing_docs, reason = "generated code")]
pub mod adapter {
    include!(concat!(env!("OUT_DIR"), "/counterfoil.adapter.v1.rs"));
}

/// An encoded `FileDescriptorSet` of every package above, with what they import.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contract.binpb"));

/// [`DESCRIPTORS`], decoded.
pub fn file_descriptor_set() -> prost_types::FileDescriptorSet {
    prost::Message::decode(DESCRIPTORS).expect("the build script encoded it")
}
