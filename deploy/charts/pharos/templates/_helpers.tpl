{{/* Everything of a part is found by these. Called with (dict "part" "agent" "root" $). */}}
{{- define "pharos.selector" -}}
app.kubernetes.io/name: pharos
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "pharos.labels" -}}
{{ include "pharos.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: pharos
pharos.io/managed-by: pharos.io
{{- end }}

{{- define "pharos.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "pharos.hostImage" -}}
{{ .Values.image.hostRepository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The value of a flag: lists become one argument each, true and false switches. */}}
{{- define "pharos.flags" -}}
{{- range $name, $value := . }}
{{- if kindIs "slice" $value }}
{{- range $value }}
- {{ printf "--%s=%v" $name . | quote }}
{{- end }}
{{- else if kindIs "bool" $value }}
- {{ printf "--%s%s" (ternary "" "no-" $value) $name | quote }}
{{- else if kindIs "float64" $value }}
- {{ printf "--%s=%v" $name (ternary (int64 $value) $value (eq (float64 (int64 $value)) $value)) | quote }}
{{- else }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* What every process reads at start: the variables of its flags. */}}
{{- define "pharos.config" -}}
{{- with .Values.clusterId }}
PHAROS_CLUSTER_ID: {{ . | quote }}
{{- end }}
{{- with .Values.podCIDRs }}
PHAROS_POD_CIDR: {{ join "," . | quote }}
{{- end }}
{{- with .Values.serviceCIDRs }}
PHAROS_SERVICE_CIDR: {{ join "," . | quote }}
{{- end }}
{{- if .Values.clustersetIPs.enabled }}
PHAROS_CLUSTERSET_IPS: 'on'
PHAROS_CLUSTERSET_CIDR: {{ join "," .Values.clustersetIPs.cidrs | quote }}
{{- end }}
{{- end }}

{{/* Labels and annotations of a part's pods. Called with (dict "part" "agent" "root" $ "values" .Values.agent). */}}
{{- define "pharos.podMetadata" -}}
labels:
  {{- include "pharos.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include "pharos.config" .root | sha256sum | trunc 16 }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* As whom a part's pods run, where, and how their image is fetched. */}}
{{- define "pharos.pods" -}}
serviceAccountName: pharos-{{ .part }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
{{- $selector := dict "matchLabels" (include "pharos.selector" $ | fromYaml) }}
topologySpreadConstraints:
  {{- range . }}
  - {{ merge (dict) . (dict "labelSelector" $selector) | toJson }}
  {{- end }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* As little as a process can do with. */}}
{{- define "pharos.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "pharos.probes" -}}
livenessProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 10
  # Of a node that is too busy to answer within a second, the tunnels must not be taken down as well.
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 2
  timeoutSeconds: 5
{{- end }}

{{/* Replicas apart from each other where the nodes allow it. */}}
{{- define "pharos.apart" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "pharos.selector" . | nindent 12 }}
{{- end }}

{{/* A node is drained without all replicas at once. */}}
{{- define "pharos.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: pharos-{{ .part }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "pharos.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "pharos.selector" . | nindent 6 }}
{{- end }}

{{- define "pharos.check" -}}
{{- if ne .Release.Namespace "pharos-system" -}}
{{- fail (printf "Pharos lives in the namespace pharos-system, where its Secrets and Leases are, not in %q: install it with --namespace pharos-system" .Release.Namespace) -}}
{{- end -}}
{{- if and .Values.clustersetIPs.enabled (not .Values.routeAgent.enabled) -}}
{{- fail "clustersetIPs.enabled needs routeAgent.enabled: without route agents nothing answers at a clusterset IP" -}}
{{- end -}}
{{- if and .Values.gateway.enabled (or (empty .Values.podCIDRs) (empty .Values.serviceCIDRs)) -}}
{{- fail "gateway.enabled needs podCIDRs and serviceCIDRs: the networks of this cluster that the others send through the tunnels" -}}
{{- end -}}
{{- end }}
