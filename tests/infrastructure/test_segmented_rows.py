"""The resources and permissions for segmented rows exist only if the feature is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.storage import partition_names
from tests.support.sam_template import KEY, Template, listed, transformed

if TYPE_CHECKING:
    from typing import Any

SIDS = ("FindRows", "CatalogRows")
GLUE = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}"
DATABASE = {"Ref": "RowsDatabase"}


@pytest.fixture(scope="module")
def keeping() -> Template:
    return transformed(SegmentedRows="true", KmsKeyArn=KEY)


def statements(template: Template) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in template.statements("IngestRole")}


def database(template: Template) -> Any:
    return template.properties("IngestFunction")["Environment"]["Variables"]["ROWS_DATABASE"]


def test_without_segmented_rows_there_is_no_database_and_no_permission(template: Template) -> None:
    assert template.parameters["SegmentedRows"] == "false"
    assert template.of_type("Glue::Database") == {}
    assert not set(SIDS) & set(statements(template))
    assert "glue" not in str(template.statements("IngestRole"))
    assert (database(template), "RowsDatabase" in template.outputs) == ("", False)


def test_on_the_database_is_named_and_handed_to_the_function_and_to_people(keeping: Template) -> None:
    (made,) = keeping.of_type("Glue::Database").values()
    assert made["DatabaseInput"]["Name"] == {
        "Fn::Join": ["_", {"Fn::Split": ["-", {"Ref": "AWS::StackName"}]}]
    }
    assert (database(keeping), "RowsDatabase" in keeping.outputs) == (DATABASE, True)


def test_the_ingest_may_do_to_its_table_what_it_does_and_to_no_other(keeping: Template) -> None:
    content = statements(keeping)["CatalogRows"]
    calls = ("GetPartitions", "BatchCreatePartition", "BatchUpdatePartition", "DeletePartition")
    assert set(content["Action"]) == {
        f"glue:{call}" for call in (*calls, "GetTable", "CreateTable", "CreatePartitionIndex", "UpdateTable")
    }
    assert [resource["Fn::Sub"] for resource in content["Resource"]] == [
        f"{GLUE}:catalog",
        f"{GLUE}:database/${{RowsDatabase}}",
        f"{GLUE}:table/${{RowsDatabase}}/{partition_names.TABLE}",
    ]


def test_the_ingest_may_list_the_folder_of_the_rows_and_no_other(keeping: Template) -> None:
    content = statements(keeping)["FindRows"]
    assert listed(content["Action"]) == ["s3:ListBucket"]
    assert content["Resource"] == {"Fn::GetAtt": ["ResultsBucket", "Arn"]}
    assert content["Condition"]["StringLike"] == {"s3:prefix": f"{partition_names.TABLE}/*"}


def test_no_other_role_has_more_than_without(keeping: Template, template: Template) -> None:
    assert set(keeping.of_type("IAM::Role")) == set(template.of_type("IAM::Role"))
    assert {statement["Sid"] for statement in keeping.statements("ApiRole")} - {"UseKey"} == {
        statement["Sid"] for statement in template.statements("ApiRole")
    }
