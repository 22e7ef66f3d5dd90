"""What is generated from the models: the CRD, its rules, the reference page."""
