"""Answers as a host's server does, starts in no time, and holds no tables.

Does what BEHAVIOUR says: "serve", "deaf" (serves, and ignores SIGTERM), "fail", "idle"
(never serves).
"""

import json
import os
import signal
import socket
import sys
import time

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])

behaviour = os.environ["BEHAVIOUR"]
config = json.loads(os.environ["TF_CONFIG"])
address = config["cluster"]["worker"][config["task"]["index"]]
if behaviour == "fail":
    sys.exit(3)
if behaviour == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if behaviour == "idle":
    time.sleep(600)
with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            connection.recv(100)
            connection.sendall(SETTINGS)
