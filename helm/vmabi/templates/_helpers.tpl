{{/* Labels of every object; call with (dict "root" $ "component" "operator"), without a component for what has none. */}}
{{- define "vmabi.labels" -}}
{{ include "vmabi.selector" . }}
app.kubernetes.io/part-of: vmabi
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* What selects the pods of a component. */}}
{{- define "vmabi.selector" -}}
app.kubernetes.io/name: vmabi
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* The image of a component; call with (dict "root" $ "image" .Values.operator.image). */}}
{{- define "vmabi.image" -}}
{{- with .root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{/* What the "restricted" Pod Security Standard asks of a pod. */}}
{{- define "vmabi.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What it asks of a container, and a root file system that nothing can write. */}}
{{- define "vmabi.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* One object of files/: its own labels stay, those of the release are added. Call with root, object. */}}
{{- define "vmabi.labelled" -}}
{{- $labels := merge (default dict .object.metadata.labels) (include "vmabi.labels" (dict "root" .root) | fromYaml) }}
{{- toYaml (merge (dict "metadata" (dict "labels" $labels)) .object) }}
{{- end }}
