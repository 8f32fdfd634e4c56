"""The OpenRPC documents: their structure (OpenRPC 1.3, sections of the objects named below), references and coverage."""

import pytest

import validate

DOCUMENTS = ["openrpc.json", "openrpc-events.json"]
METHOD_KEYS = {"name", "summary", "description", "params", "result", "errors", "paramStructure", "examples", "tags", "deprecated"}
DESCRIPTOR_KEYS = {"name", "summary", "description", "required", "schema", "deprecated"}


def unknown(keys, allowed):
    return {key for key in keys if not key.startswith("x-")} - allowed


def resolve(document, reference):
    """The target of a reference in an OpenRPC document: one of its own components, or a schema file beside it."""
    if reference.startswith("#/"):
        value = document
        for step in reference[2:].split("/"):
            value = value[step]
        return value
    return validate.registry().resolver(validate.BASE + "openrpc.json").lookup(reference).contents


@pytest.fixture(params=DOCUMENTS)
def document(request):
    return validate.load(request.param)


def test_document_object(document):
    assert document["openrpc"].startswith("1.3.")
    assert unknown(document, {"openrpc", "info", "servers", "methods", "components", "externalDocs"}) == set()
    assert {"title", "version"} <= set(document["info"])


def test_method_objects(document):
    names = [method["name"] for method in document["methods"]]
    assert len(names) == len(set(names))
    for method in document["methods"]:
        assert unknown(method, METHOD_KEYS) == set() and {"name", "params"} <= set(method)
        assert method["paramStructure"] == "by-name"
        required = [param["required"] for param in method["params"]]
        assert required == sorted(required, reverse=True), f"{method['name']}: required params come first"
        assert len({param["name"] for param in method["params"]}) == len(method["params"])


def test_content_descriptors_lead_to_schemas(document):
    for method in document["methods"]:
        for descriptor in [*method["params"], *([method["result"]] if "result" in method else [])]:
            assert unknown(descriptor, DESCRIPTOR_KEYS) == set()
            assert isinstance(descriptor["name"], str)
            assert resolve(document, descriptor["schema"]["$ref"]) is not None


def test_errors_lead_to_error_objects(document):
    for method in document["methods"]:
        for error in method.get("errors", []):
            found = resolve(document, error["$ref"])
            assert isinstance(found["code"], int) and isinstance(found["message"], str)


def test_params_and_results_are_those_of_the_schemas(document):
    for method in document["methods"]:
        sender = "addon" if document is validate.load("openrpc.json") else "daemon"
        file, name = validate.find(sender, method["name"] + ".params")
        definition = validate.load(file)["$defs"][name]
        if "$ref" in definition:
            definition = validate.load(file)["$defs"]["Registration"]
        assert {param["name"] for param in method["params"]} == set(definition.get("properties", {}))
        assert {param["name"] for param in method["params"] if param["required"]} == set(definition.get("required", []))
        has_result = validate.find(sender, method["name"] + ".result") is not None
        assert has_result == ("result" in method), method["name"]


def test_both_documents_cover_the_protocol():
    described = [method["name"] for name in DOCUMENTS for method in validate.load(name)["methods"]]
    files = ("events.schema.json", "control.schema.json", "calls.schema.json")
    defined = [name.removesuffix(".params") for file in files for name in validate.load(file)["$defs"] if name.endswith(".params")]
    assert sorted(described) == sorted(defined)
