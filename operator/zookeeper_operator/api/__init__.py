"""What users write and read: the resources, their schema, their conditions and reasons.

One module per resource (`ensemble`, `ensemble_status`), beside what all resources share: `group`, `model`,
`conditions`, `reasons`. Pure, and imports nothing else of the operator.
"""
