"""Runs a program in a terminal of its own and types into it.

typist.py '[["what to wait for", "what to type"], …]' PROGRAM ARGUMENT…

Prints JSON: all that stood on the screen, and the exit code.
"""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

steps, program = json.loads(sys.argv[1]), sys.argv[2:]
# Wide enough for every line: a shell that scrolls one sideways does not show what is waited for.
SIZE = struct.pack("HHHH", 50, 1000, 0, 0)

child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, SIZE)
    os.execv(program[0], program)

screen = b""


def read(seconds):
    """Takes what is there; False at the end."""
    global screen
    if not select.select([terminal], [], [], seconds)[0]:
        return True
    try:
        text = os.read(terminal, 65536)
    except OSError:
        return False
    screen += text
    return text != b""


deadline = time.monotonic() + 100
at = 0
for wait, typed in steps:
    wanted = wait.encode()
    while wanted not in screen[at:]:
        if time.monotonic() > deadline or not read(0.1):
            break
    at = max(at, screen.find(wanted, at) + len(wanted))
    os.write(terminal, typed.encode())

while time.monotonic() < deadline and read(0.1):
    pass
_, status = os.waitpid(child, 0)
code = os.waitstatus_to_exitcode(status)
print(json.dumps({"screen": screen.decode(), "code": code}))
