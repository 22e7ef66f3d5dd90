"""What is decided, and from what: values in, values out."""
