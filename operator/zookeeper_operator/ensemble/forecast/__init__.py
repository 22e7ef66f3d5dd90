"""What the operator will do, found by letting its planner decide about a model of the cluster. Pure."""
