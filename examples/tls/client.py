"""Connects to an ensemble by TLS, with a certificate if there is one, and creates a znode. Needs kazoo.

ZOOKEEPER is `tlsConnectionString` of the ConfigMap NAME-connection, CA the file with its `ca.crt`, CERT and
KEY the certificate of this client and its key, both in PEM.
"""

import os
import sys

from kazoo.client import KazooClient

client = KazooClient(
    os.environ["ZOOKEEPER"],
    use_ssl=True,
    ca=os.environ["CA"],
    certfile=os.environ.get("CERT"),
    keyfile=os.environ.get("KEY"),
    verify_certs=True,
    check_hostname=True,  # not the default
)
client.start()
path = client.create("/from-python", b"by TLS", ephemeral=True)
sys.stdout.write(f"created {path}\n")
client.stop()
