"""Replaces one text with another of any length, in TCP flows that are not HTTP: `edit_tcp.py OLD NEW`."""

import sys

from proxyd_addon import run


class EditTCP:
    def __init__(self, old: str, new: str):
        self.old, self.new = old.encode(), new.encode()

    def tcp_message(self, flow):
        message = flow.messages[-1]
        message.content = message.content.replace(self.old, self.new)


if __name__ == "__main__":
    run(EditTCP(*sys.argv[1:3]), name="edit-tcp")
