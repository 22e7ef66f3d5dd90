"""What users read about an ensemble: its conditions, its status and its Events. Pure."""
