"""Networks and spaces by name."""

import pytest

from effsearch.search_spaces import InvalidValue, loading


@pytest.mark.parametrize("name", ["", "  "])
def test_a_network_without_a_name_is_no_folder(name):
    with pytest.raises(InvalidValue, match="has no name"):
        loading.load_network(name)
