"""Backups of ensembles: the controllers of `ZookeeperBackup` and `ZookeeperBackupSchedule`.

A backup is a Job beside the ensemble. Nothing here changes an ensemble, and nothing but the Job's pods reads
what is stored.
"""
