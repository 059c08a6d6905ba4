"""Stands in for systemd: opens sockets, and starts a program with them as sd_listen_fds(3) has it.

activator.py '["tcp", "/path/of/a/unix/socket"]' PROGRAM ARGUMENT…

Prints the port of the first TCP socket. Each line "restart" on standard input ends the program by SIGTERM, waits for
its end, and starts it anew with the same sockets; then "restarted CODE" is printed. The end of the input ends both.
As systemd waits for READY=1, no SIGTERM comes before the program would take it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

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


def end(program):
    deadline = time.monotonic() + 60
    while program.poll() is None and not takes_sigterm(program.pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    program.send_signal(signal.SIGTERM)
    return program.wait()


def takes_sigterm(pid):
    with open("/proc/{}/status".format(pid)) as status:
        caught = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
    return int(caught, 16) >> (signal.SIGTERM - 1) & 1 == 1


child = start()
print(port, flush=True)
for line in sys.stdin:
    code = end(child)
    child = start()
    print("restarted", code, flush=True)
sys.exit(end(child))
