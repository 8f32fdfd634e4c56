import unittest

from addon import Addon
from proxyd_addon.testing import handle, make_flow


class AddonTest(unittest.TestCase):
    def test_a_header_is_added(self):
        reply = handle(Addon, "request", make_flow("https://example.com/"))
        self.assertEqual(reply, {"flow": {"request": {"headers": {"x-addon": "my-addon"}}}})


if __name__ == "__main__":
    unittest.main()
