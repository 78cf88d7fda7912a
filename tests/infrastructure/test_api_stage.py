"""The API's stage: authorization, limits, logs, and deployments of new versions."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from api.http import middleware
from api.http.routing import METHODS
from tests.infrastructure.test_samconfig import deploy, overrides
from tests.support.api_gateway import call, rest_event
from tests.support.sam_template import KEY, Template, transformed

if TYPE_CHECKING:
    from collections.abc import Iterator

GRADUAL = "Canary10Percent5Minutes"
ANY = "x-amazon-apigateway-any-method"


def test_every_route_of_the_api_asks_for_a_signature(template: Template) -> None:
    security = {(path, method): operation["security"] for path, method, operation in operations(template)}
    assert {("/", ANY), ("/{proxy+}", ANY)} <= set(security)
    assert {str(requirements) for requirements in security.values()} == {str([{"AWS_IAM": []}])}


def test_the_function_answers_whatever_is_asked_for(template: Template) -> None:
    paths = template.properties("Api")["Body"]["paths"]
    named = {path.removesuffix("/{proxy+}").rstrip("/") for path in paths}
    nodes = {"/".join(path.split("/")[:depth]) for path in named for depth in range(1, path.count("/") + 2)}
    # A {proxy+} beside a named path matches neither the path nor anything below it.
    for node in nodes:
        assert ANY in paths[node or "/"]
        assert ANY in paths[f"{node}/{{proxy+}}"]


def test_no_path_admits_an_origin_that_the_stack_does_not_name(template: Template) -> None:
    variables = template.properties("ApiFunction")["Environment"]["Variables"]
    assert variables["CORS_ORIGIN"] == {"Ref": "CorsOrigin"}
    assert template.parameters["CorsOrigin"] == ""
    assert not [headers for headers in preflights(template) if "Access-Control-Allow-Origin" in headers]
    opened = preflights(transformed(CorsOrigin="https://crm.example.com"))
    assert len(opened) == len(preflights(template)) > 0
    for headers in opened:
        assert headers["Access-Control-Allow-Origin"] == {"Fn::Sub": "'${CorsOrigin}'"}
        assert headers["Access-Control-Allow-Headers"] == f"'{middleware.ALLOWED_HEADERS.replace(' ', '')}'"
        assert headers["Access-Control-Max-Age"] == f"'{middleware.PREFLIGHT_MAX_AGE}'"
        assert {"GET", "POST"} <= set(headers["Access-Control-Allow-Methods"].strip("'").split(","))


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("", True),
        ("*", True),
        ("https://crm.example.com", True),
        ("http://localhost:8080", True),
        ("https://a.example/", False),
        ("https://a.example,https://b.example", False),
        ("https://'.example", False),
        ("crm.example.com", False),
        ("null", False),
    ],
)
def test_an_origin_is_one_scheme_host_and_port(template: Template, origin: str, allowed: bool) -> None:
    pattern = template.body["Parameters"]["CorsOrigin"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, origin)) is allowed


def test_a_caller_of_the_api_needs_no_right_to_the_function(template: Template) -> None:
    for _, _, operation in operations(template):
        assert "credentials" not in operation["x-amazon-apigateway-integration"]


def test_errors_of_the_gateway_are_readable_for_the_same_origin(template: Template) -> None:
    allowed = "gatewayresponse.header.Access-Control-Allow-Origin"
    for stack, header in ((template, None), (transformed(CorsOrigin="*"), {"Fn::Sub": "'${CorsOrigin}'"})):
        responses = stack.properties("Api")["Body"]["x-amazon-apigateway-gateway-responses"]
        assert set(responses) == {"DEFAULT_4XX", "DEFAULT_5XX"}
        for response in responses.values():
            assert response["responseParameters"].get(allowed) == header


def test_a_changed_parameter_reaches_the_stage(template: Template) -> None:
    deployments = set(template.of_type("ApiGateway::Deployment"))
    time.sleep(1.1)  # the name of a deployment has the second of its transform
    assert deployments.isdisjoint(transformed().of_type("ApiGateway::Deployment"))


def test_large_responses_are_compressed(template: Template) -> None:
    assert template.properties("Api")["MinimumCompressionSize"] == 1024


def test_the_api_has_one_stage(template: Template) -> None:
    assert [stage["StageName"] for stage in template.of_type("ApiGateway::Stage").values()] == ["live"]
    assert all(
        "StageName" not in properties for properties in template.of_type("ApiGateway::Deployment").values()
    )


def test_each_limit_is_of_a_method_that_there_is(template: Template) -> None:
    limits = limits_of(template)
    paths = template.properties("Api")["Body"]["paths"]
    assert limits.keys() - {("*", "/*")} <= {
        (m.upper(), path) for path, methods in paths.items() for m in methods
    }


def test_costly_routes_and_rare_methods_have_lower_limits(template: Template) -> None:
    limits = limits_of(template)
    usual = limits["GET", "/{proxy+}"]
    assert limits["POST", "/{proxy+}"] == usual
    for costly in (limits["GET", "/v1/{proxy+}"], limits["POST", "/v1/{proxy+}"], limits["*", "/*"]):
        assert costly[0] < usual[0]
        assert costly[1] <= usual[1]


def test_all_methods_together_fit_the_reserved_concurrency(template: Template) -> None:
    """API Gateway limits each method by itself, and perhaps each one that ANY stands for."""
    limits, burst = limits_of(template), 0.0
    for path, methods in template.properties("Api")["Body"]["paths"].items():
        assert ANY in methods
        for method in METHODS:
            if method != "OPTIONS":
                burst += limits.get((method, path), limits["*", "/*"])[1]
    fixed = burst - 2 * int(template.parameters["ApiBurstLimit"])
    assert burst <= int(template.parameters["ApiReservedConcurrency"])
    description = template.body["Parameters"]["ApiReservedConcurrency"]["Description"]
    assert f"Below twice ApiBurstLimit and {fixed:g}, callers get errors" in description


def test_emulators_have_no_limits(emulated: Template) -> None:
    assert "MethodSettings" not in stage(emulated)


def test_preflights_are_limited_by_what_follows_them(template: Template) -> None:
    limits, paths = limits_of(template), template.properties("Api")["Body"]["paths"]
    assert {limits["OPTIONS", path] for path in paths} == {limits["GET", "/{proxy+}"]}


def test_only_checkout_routes_and_those_without_reads_have_high_limits() -> None:
    there = call(rest_event(path="/unknown")).message.split("use one of: ")[1].split(", ")
    reads_no_table = {"/", "/static/{file}", "/health", "/openapi.json"}
    assert {route for route in there if not route.startswith("/v1/")} == {"/voucher_amount"} | reads_no_table


def test_a_request_leaves_a_line_without_what_was_asked_for(template: Template) -> None:
    setting = stage(template)["AccessLogSetting"]
    assert setting["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLogGroup", "Arn"]}
    line = json.loads(setting["Format"])
    assert {"$context.requestId", "$context.identity.userArn", "$context.status"} <= set(line.values())
    assert not [
        variable for variable in line.values() if "query" in variable.lower() or "body" in variable.lower()
    ]


def test_no_request_is_logged_where_the_account_has_no_role_for_it(emulated: Template) -> None:
    assert "AccessLogSetting" not in stage(transformed(ApiAccessLogs="false"))
    assert "AccessLogSetting" not in stage(emulated)


def test_requests_are_traced(template: Template) -> None:
    assert stage(template)["TracingEnabled"] is True


def test_requests_go_to_the_alias_and_not_to_the_newest_code(template: Template) -> None:
    for _, _, operation in operations(template):
        uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        assert "/functions/${ApiFunctionAliaslive}/invocations" in uri


def test_a_change_of_a_setting_is_a_new_version_too(template: Template) -> None:
    properties = dict(template.body["Resources"]["ApiFunction"]["Properties"])
    unversioned = properties.pop("ReservedConcurrentExecutions")
    settings = {name for name in template.parameters if f"'{name}'" in str(properties)} - {"EndpointUrl"}
    (version,) = template.of_type("Lambda::Version").values()
    assert "ApiReservedConcurrency" in str(unversioned)
    assert {"AnswerCacheSeconds", "LogLevel"} <= settings
    text, values = version["Description"]["Fn::Sub"]
    assert values == {"Key": "no key"}
    (with_key,) = transformed(KmsKeyArn=KEY).of_type("Lambda::Version").values()
    (id_,) = with_key["Description"]["Fn::Sub"][1].values()
    assert id_ == {"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": "KmsKeyArn"}]}]}
    assert set(re.findall(r"\$\{(\w+)\}", text)) == settings - {"KmsKeyArn"} | {"Key", "PageUploads"}


def test_the_description_of_a_version_is_never_too_long(template: Template) -> None:
    (version,) = template.of_type("Lambda::Version").values()
    text, _ = version["Description"]["Fn::Sub"]
    longest = {
        "AnswerCacheSeconds": 4, "LogLevel": len("WARNING"), "Architecture": len("x86_64"), "Key": 36,
        "CorsOrigin": len("https://") + 60, "PageUploads": len("false"), "UploadsBucketName": 63,
        "UploadsPrefix": template.body["Parameters"]["UploadsPrefix"]["MaxLength"],
    }  # fmt: skip
    assert "{1,60}" in template.body["Parameters"]["CorsOrigin"]["AllowedPattern"]
    assert len(re.sub(r"\$\{(\w+)\}", lambda found: "x" * longest[found[1]], text)) <= 256


def test_a_new_version_takes_all_traffic_at_once_by_default(template: Template) -> None:
    assert "UpdatePolicy" not in template.resources["ApiFunctionAliaslive"]
    assert not [resource for resource in template.resources.values() if "CodeDeploy" in resource["Type"]]
    assert "DeploymentRole" not in template.resources


def test_no_alarm_can_stop_a_fix_that_takes_all_traffic_at_once() -> None:
    prod = transformed(**overrides("prod"))
    at_once = transformed(**{**overrides("prod"), "ApiTrafficShift": "AllAtOnce"})
    assert prod.of_type("CodeDeploy::DeploymentGroup")
    assert "UpdatePolicy" not in at_once.resources["ApiFunctionAliaslive"]
    assert not [kind for kind in at_once.resources.values() if "CodeDeploy" in kind["Type"]]
    # Alarms that CloudFormation itself watches would be in the options of the deployment.
    assert "rollback" not in str(deploy("prod")).lower()


def test_a_new_version_takes_over_gradually_and_alarms_take_it_back() -> None:
    shifted = transformed(ApiTrafficShift=GRADUAL)
    policy = shifted.resources["ApiFunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    (group,) = shifted.of_type("CodeDeploy::DeploymentGroup").values()
    assert policy["DeploymentGroupName"] == {"Ref": "ApiFunctionDeploymentGroup"}
    assert group["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": GRADUAL}
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeploymentRole", "Arn"]}


@pytest.mark.parametrize("shift", ["AllAtOnce", GRADUAL])
def test_what_a_shift_is_called_is_known_to_codedeploy(template: Template, shift: str) -> None:
    allowed = template.body["Parameters"]["ApiTrafficShift"]["AllowedValues"]
    assert shift in allowed
    assert set(allowed) == set(template.body["Mappings"]["TrafficShifts"])


def test_a_web_acl_stands_before_the_api_where_there_is_one(template: Template) -> None:
    assert not template.of_type("WAFv2::WebACLAssociation")
    acl = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/ours/1"
    (association,) = transformed(WebAclArn=acl).of_type("WAFv2::WebACLAssociation").values()
    assert association["WebACLArn"] == {"Ref": "WebAclArn"}


def operations(template: Template) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what the function answers: path, method and operation."""
    for path, methods in template.properties("Api")["Body"]["paths"].items():
        for method, operation in methods.items():
            if method != "options":
                yield path, method, operation


def preflights(template: Template) -> list[dict[str, Any]]:
    """Return the headers of the answers to preflights, path by path."""
    operations = [path["options"] for path in template.properties("Api")["Body"]["paths"].values()]
    integrations = [operation["x-amazon-apigateway-integration"] for operation in operations]
    assert {integration["type"] for integration in integrations} == {"mock"}
    answers = [integration["responses"]["default"]["responseParameters"] for integration in integrations]
    return [{name.rpartition(".")[2]: value for name, value in headers.items()} for headers in answers]


def stage(template: Template) -> dict[str, Any]:
    (properties,) = template.of_type("ApiGateway::Stage").values()
    return properties


def limits_of(template: Template) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the rate and the burst of each method and path."""
    return {
        (setting["HttpMethod"], setting["ResourcePath"].replace("~1", "/").replace("//", "/")): (
            limit(template, setting["ThrottlingRateLimit"]),
            limit(template, setting["ThrottlingBurstLimit"]),
        )
        for setting in stage(template)["MethodSettings"]
    }


def limit(template: Template, written: Any) -> float:
    return float(template.parameters[written["Ref"]] if isinstance(written, dict) else written)
