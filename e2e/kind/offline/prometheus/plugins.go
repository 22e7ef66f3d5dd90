// How Prometheus finds targets here: by the API server, and by no cloud.
package plugins

import (
	_ "github.com/prometheus/prometheus/discovery/file"
	_ "github.com/prometheus/prometheus/discovery/kubernetes"
)
