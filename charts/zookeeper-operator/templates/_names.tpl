{{- define "operator.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "operator.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "operator.name" .) }}
{{- end }}

{{- define "operator.selector" -}}
app.kubernetes.io/name: zookeeper-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "operator.rules" -}}
- apiGroups: [zookeeper.ensemble.dev]
  resources: [zookeeperensembles]
  verbs: [get, list, watch]
- apiGroups: [zookeeper.ensemble.dev]
  resources: [zookeeperensembles/status]
  verbs: [get, patch]
- apiGroups: [zookeeper.ensemble.dev]
  resources: [zookeeperbackups]
  # patch: the finalizer of a backup with deletionPolicy Delete, and nothing else.
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [zookeeper.ensemble.dev]
  resources: [zookeeperbackupschedules]
  verbs: [get, list, watch]
- apiGroups: [zookeeper.ensemble.dev]
  resources: [zookeeperbackups/status, zookeeperbackupschedules/status]
  verbs: [get, patch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [events]
  # Read only to say why a pod is refused or not started.
  verbs: [create, list]
{{- end }}

{{- define "operator.secretRules" -}}
# By name only: the right to list Secrets is the right to read every one of them.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
{{- end }}
