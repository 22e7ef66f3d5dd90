# One static program, which the tests give its arguments.
FROM scratch
COPY cert-manager /cert-manager
USER 65534
ENTRYPOINT ["/cert-manager"]
