"""What several tests on the demo's cluster share."""

from collections.abc import Iterator

import pytest

from tests.cluster.applications import deployed
from tests.cluster.guestbook import NAME, GuestBook, write_documents
from tests.demo import Demo


@pytest.fixture(scope="session")
def book(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuestBook]:
    """The guest book, deployed once; what it keeps goes with it at the end."""
    made = GuestBook(demo, tmp_path_factory.mktemp(NAME))
    write_documents(made.folder)
    with deployed(demo, NAME, made.folder) as namespace:
        made.namespace = namespace
        yield made
    demo.run("kubectl", "delete", "namespace", namespace, "--ignore-not-found")
