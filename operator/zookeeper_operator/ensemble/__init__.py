"""One `ZookeeperEnsemble`: observe, judge, plan, apply, report."""
