"""Stands in for systemd: receives what services tell it on a socket as sd_notify(3) has it.

notify-receiver.py /path/of/a/socket, or @NAME for an abstract one

Prints each datagram as a line of JSON: its variables, and when it came by CLOCK_MONOTONIC, in microseconds.
"""

import array
import json
import os
import socket
import sys
import time

path = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0" + path[1:] if path.startswith("@") else path)
print("{}", flush=True)
while True:
    data, ancillary, _, _ = receiver.recvmsg(65536, 4096)
    # A barrier waits until its descriptor is closed.
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors = array.array("i")
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
            for each in descriptors:
                os.close(each)
    said = dict(line.split("=", 1) for line in data.decode().split("\n") if line)
    if "BARRIER" not in said:
        said["at"] = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        print(json.dumps(said), flush=True)
