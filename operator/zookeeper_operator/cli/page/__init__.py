"""`kubectl zk page`: a page on this machine that shows ensembles, their elections and znodes."""
