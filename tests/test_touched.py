"""``make quick`` runs the tests that a change touches, and no others."""

from tests.support.touched import ALWAYS, touched_tests


def files(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_module_stands_for_the_tests_of_its_folder(tmp_path):
    files(tmp_path, "tests/app/web/test_problems.py", "tests/app/web/test_dependencies.py", "tests/app/test_main.py")
    expected = ["tests/app/web/test_dependencies.py", "tests/app/web/test_problems.py", ALWAYS]
    assert touched_tests(["app/web/problems.py"], tmp_path) == expected


def test_a_test_stands_for_itself_unless_it_was_deleted(tmp_path):
    files(tmp_path, "tests/app/test_main.py")
    assert touched_tests(["tests/app/test_main.py", "tests/app/test_gone.py"], tmp_path) == [
        "tests/app/test_main.py",
        ALWAYS,
    ]


def test_a_document_stands_for_the_tests_of_documents(tmp_path):
    assert touched_tests(["docs/operations.md", "README.md"], tmp_path) == [ALWAYS, "tests/test_docs.py"]


def test_the_client_stands_for_its_tests_and_a_schema_for_what_is_generated_from_it(tmp_path):
    files(tmp_path, "tests/client/test_generated.py", "tests/client/test_types.py", "tests/app/schemas/test_json.py")
    generated = "tests/client/test_generated.py"
    assert touched_tests(["client/groundwork_client/calls.py"], tmp_path) == [
        generated,
        "tests/client/test_types.py",
        ALWAYS,
    ]
    assert touched_tests(["app/schemas/search.py"], tmp_path) == ["tests/app/schemas/test_json.py", generated, ALWAYS]


def test_no_change_runs_the_house_rules_alone(tmp_path):
    assert touched_tests([], tmp_path) == [ALWAYS]
