//! The field numbers that the typed readers match on. A test holds them against the contract.

macro_rules! numbers {
    ($($module:ident, $($message:literal)|+ { $($name:ident = $number:literal),* $(,)? })*) => {
        $(
            #[doc = concat!($($message, " "),+)]
            pub(super) mod $module {
                $(pub(in crate::decode) const $name: u32 = $number;)*
            }
        )*

        #[cfg(test)]
        const ALL: &[(&[&str], &[(&str, u32)])] = &[$((&[$($message),+], &[$((stringify!($name), $number)),*])),*];
    };
}

numbers! {
    apply_response, "ApplyResponse" { RESULT = 1 }
    apply_result, "ApplyResult" {
        PLAN_ID = 1,
        RESOURCES = 2,
        ERRORS = 3,
        INITIAL_INPUT_SNAPSHOT = 4,
        INPUT_DRIFT_REPORT = 5,
        REPLACE_ID_MAP = 6,
        ACTIONS = 7,
    }
    action_result, "ActionResult" { ACTION_INDEX = 1, STATUS = 2, ERROR = 3 }
    action_error, "ActionError" { RESOURCE = 1, ACTION = 2, ERROR = 3 }
    resource_output, "ResourceOutput" {
        NAME = 1,
        TYPE = 2,
        PROVIDER_ID = 3,
        OUTPUTS_JSON = 4,
        SENSITIVE = 5,
        STATUS = 6,
    }
    resource_reply, "ResourceCreateResponse" | "ResourceReadResponse" | "ResourceUpdateResponse" { OUTPUT = 1 }
    finalize_apply_response, "FinalizeApplyResponse" { ERRORS = 1 }
    drift_entry, "DriftEntry" { NAME = 1, PLAN_FINGERPRINT = 2, APPLY_FINGERPRINT = 3 }
    entry, "ApplyResult.InitialInputSnapshotEntry" | "ApplyResult.ReplaceIdMapEntry" | "ResourceOutput.SensitiveEntry" { KEY = 1, VALUE = 2 }
}

#[cfg(test)]
mod tests {
    use counterfoil_proto::Revision;

    use super::ALL;
    use crate::decode::table::Tables;

    #[test]
    fn the_numbers_are_those_of_the_contract() {
        let fields = ALL.iter().flat_map(|(messages, numbers)| messages.iter().map(move |m| (m, numbers)));
        for (message, numbers) in fields {
            let (tables, id) = Tables::find_iac(message, Revision::V0_56);
            for (name, number) in *numbers {
                let field = tables.message(id).field(*number).map(|field| field.name.to_uppercase());
                assert_eq!(field.as_deref(), Some(*name), "{message}, field {number}");
            }
        }
    }
}
