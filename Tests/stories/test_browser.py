"""The browsers of the harness click as a user does, also where the page moves."""

import pytest
from harness.http_text import response

MOVING = b"""<!doctype html><title>moving</title><body style="margin:0">
<div id="above"></div><button style="display:block;height:30px">One</button><button style="display:block;height:30px">Two</button>
<script>
    window.pressed = [];
    for (const button of document.querySelectorAll("button")) button.onclick = () => window.pressed.push(button.textContent);
    addEventListener("mousemove", () => (document.querySelector("#above").style.height = "30px"));
</script>"""


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
def test_a_click_meets_its_element_though_the_page_moves_under_it(origin, browser, kind):
    server = origin(response(MOVING, (b"Content-Type", b"text/html")))
    window = browser(kind)
    window.open(server.url("/"))
    window.click("button", "Two")
    assert window.run("() => window.pressed") == ["Two"]
