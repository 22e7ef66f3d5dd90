"""TLS of one ensemble as values: the phases of a change, the certificates to mount, what handshakes showed.

Pure. It knows `certificates` and an observation, and decides no action: `plan` applies what it finds.
"""
