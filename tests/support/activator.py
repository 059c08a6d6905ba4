"""Stands in for systemd: opens sockets, and starts a program with them as sd_listen_fds(3) has it.

activator.py '["tcp", "/path/of/a/unix/socket"]' PROGRAM ARGUMENT…

Prints the port of the first TCP socket. Each line "restart" on standard input ends the program by SIGTERM, waits for
its end, and starts it anew with the same sockets; then "restarted CODE" is printed. The end of the input ends both.
"""

import json
import os
import signal
import socket
import subprocess
import sys

places, program = json.loads(sys.argv[1]), sys.argv[2:]
sockets = []
for place in places:
    if place == "tcp":
        each = socket.socket()
        each.bind(("127.0.0.1", 0))
    else:
        each = socket.socket(socket.AF_UNIX)
        each.bind(place)
    each.listen(512)
    sockets.append(each)
port = next((each.getsockname()[1] for each in sockets if each.family == socket.AF_INET), 0)

# First out of the way of 3, 4, …, then there.
spare = [os.dup2(each.fileno(), 100 + index) for index, each in enumerate(sockets)]
for index, each in enumerate(spare):
    os.dup2(each, 3 + index, inheritable=True)
descriptors = range(3, 3 + len(sockets))


def start():
    script = 'export LISTEN_PID=$$ LISTEN_FDS={}; exec "$@"'.format(len(sockets))
    return subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *program],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
    )


child = start()
print(port, flush=True)
for line in sys.stdin:
    child.send_signal(signal.SIGTERM)
    code = child.wait()
    child = start()
    print("restarted", code, flush=True)
child.send_signal(signal.SIGTERM)
sys.exit(child.wait())
