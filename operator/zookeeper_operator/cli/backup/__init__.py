"""`kubectl zk backup`, `backups`, `restore`, `recover` and `diff`: backups, and the ways back.

`source` fetches a backup to the machine of the user, `tree` reads it and a living ensemble, `view` is what a
person reads (pure), `command` and `recover` are the commands.
"""
