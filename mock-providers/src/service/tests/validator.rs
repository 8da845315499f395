use counterfoil_proto::iac::{
    PlanDiagnostic, PlanDiagnosticSeverity, ValidatePlanRequest,
    ia_c_provider_validator_client::IaCProviderValidatorClient,
};

use super::{
    INVALID, IaCPlan, PlanAction, Provider, Status, action, assert_refused, json, provider_with, spec,
};

async fn diagnostics(provider: &Provider, actions: Vec<PlanAction>) -> Result<Vec<PlanDiagnostic>, Status> {
    let mut client = IaCProviderValidatorClient::new(provider.routes());
    let plan = Some(IaCPlan { actions, ..IaCPlan::default() });
    client.validate_plan(ValidatePlanRequest { plan }).await.map(|reply| reply.into_inner().diagnostics)
}

#[tokio::test]
async fn a_plan_that_can_work_has_no_errors() {
    let provider = provider_with(&[("infra.vpc", "old", "{}")]);
    let database = |config| action("create", spec("infra.database", "db", &config), None);
    for config in [
        json!({ "vpc_ref": "net" }),
        json!({ "vpc_ref": "old" }),
        json!({ "vpc_ref": "vpc-1" }),
        json!({ "vpc_ref": "${elsewhere.id}" }),
        json!({ "vpc_ref": 7, "href": "x" }),
        json!(null),
    ] {
        let net = action("create", spec("infra.vpc", "net", &json!({})), None);
        let found = diagnostics(&provider, vec![net, database(config.clone())]).await.unwrap();
        assert_eq!(found, [], "{config}");
    }
    assert_eq!(diagnostics(&provider, vec![]).await.unwrap(), []);
}

#[tokio::test]
async fn what_cannot_work_is_an_error_of_its_resource() {
    let provider = provider_with(&[("infra.vpc", "old", "{}")]);
    let database =
        |name: &str| action("create", spec("infra.database", "db", &json!({ "vpc_ref": name })), None);
    for (actions, resource, field, message) in [
        (vec![database("gone")], "db", "vpc_ref", "nothing is called \"gone\""),
        (vec![database("")], "db", "vpc_ref", "nothing is called \"\""),
        (
            vec![database("old"), action("delete", spec("infra.vpc", "old", &json!(null)), Some("vpc-1"))],
            "db",
            "vpc_ref",
            "nothing is called \"old\"",
        ),
        (
            vec![action("create", spec("infra.moon", "luna", &json!({})), None)],
            "luna",
            "",
            "mock has no resource type \"infra.moon\"",
        ),
        (
            vec![action("Create", spec("infra.vpc", "net", &json!({})), None)],
            "net",
            "",
            "\"Create\" is no action",
        ),
        (
            vec![action("create", spec("infra.vpc", "", &json!({})), None)],
            "",
            "",
            "a resource of type \"infra.vpc\" has no name",
        ),
    ] {
        let found = diagnostics(&provider, actions).await.unwrap();
        let wanted = PlanDiagnostic {
            severity: PlanDiagnosticSeverity::PlanDiagnosticError.into(),
            resource: resource.into(),
            field: field.into(),
            message: message.into(),
        };
        assert_eq!(found, [wanted]);
    }
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_is_refused() {
    let provider = provider_with(&[]);
    let mut client = IaCProviderValidatorClient::new(provider.routes());
    assert_refused(client.validate_plan(ValidatePlanRequest { plan: None }).await, INVALID.0, INVALID.1);
    for bad in [
        PlanAction { action: "create".into(), ..PlanAction::default() },
        action("create", spec("infra.vpc", "net", &json!([])), None),
    ] {
        assert_refused(diagnostics(&provider, vec![bad]).await, INVALID.0, INVALID.1);
    }
}
