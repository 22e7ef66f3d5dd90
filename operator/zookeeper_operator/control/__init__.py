"""What any operator needs: queue, Lease, watch, health server, metrics; knows nothing of ZooKeeper."""
