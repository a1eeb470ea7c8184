{{/* Names, labels, and the list of services with all that is known of each. */}}
{{- define "relevo.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 24 | trimSuffix "-" -}}
{{- end }}

{{- define "relevo.selector" -}}
app.kubernetes.io/name: relevo
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "relevo.labels" -}}
{{ include "relevo.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels of the pods of one component: of a service also that it has an admin port. */}}
{{- define "relevo.podLabels" -}}
{{ include "relevo.labels" .root }}
app.kubernetes.io/component: {{ .name }}
{{- if .serves }}
relevo.admin: "true"
{{- end }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "relevo.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end -}}
{{- end }}

{{/* Every service: its values, its user of Kafka, what it runs. */}}
{{- define "relevo.services" -}}
{{- $all := dict
  "webhooks" (merge (dict "user" "webhooks" "args" (list "serve" "webhooks") "keyRing" false "outside" false) (deepCopy .Values.webhooks))
  "conversations" (merge (dict "user" "conversations" "args" (list "serve" "conversations") "keyRing" false "outside" false) (deepCopy .Values.conversations))
  "egress" (merge (dict "user" "egress" "args" (list "serve" "egress") "keyRing" true "outside" true) (deepCopy .Values.egress))
  "lease" (merge (dict "user" "lease" "args" (list "serve" "lease") "keyRing" true "outside" true "scaling" (dict "enabled" false)) (deepCopy .Values.lease))
-}}
{{- range $type, $own := .Values.agents -}}
{{- $one := mergeOverwrite (deepCopy $.Values.agentDefaults) (deepCopy (default dict $own)) -}}
{{- $spec := $type -}}
{{- if $one.agent -}}{{- $spec = printf "%s=%s" $type $one.agent -}}{{- end -}}
{{- $_ := set $one "user" (printf "agents-%s" $type) -}}
{{- $_ := set $one "type" $type -}}
{{- $_ := set $one "args" (list "serve" "agents" "--agent" $spec) -}}
{{- if hasKey $all (printf "agents-%s" (include "relevo.dns" $type)) -}}
{{- fail (printf "agents: %s and another type would have the same names in Kubernetes" $type) -}}
{{- end -}}
{{- $_ := set $all (printf "agents-%s" (include "relevo.dns" $type)) $one -}}
{{- end -}}
{{- toYaml $all -}}
{{- end }}

{{/* A name of the code as one of Kubernetes'. */}}
{{- define "relevo.dns" -}}
{{- lower . | replace "_" "-" -}}
{{- end }}

{{/* The user of Kafka and the secret with its password or certificate, which are named alike unless told otherwise. */}}
{{- define "relevo.kafkaUser" -}}
{{- $own := default dict (get .root.Values.kafka.users .user) -}}
{{- default (printf "%s-%s" (include "relevo.fullname" .root) (include "relevo.dns" .user)) $own.username -}}
{{- end }}

{{- define "relevo.kafkaSecret" -}}
{{- $own := default dict (get .root.Values.kafka.users .user) -}}
{{- default (printf "%s-%s" (include "relevo.fullname" .root) (include "relevo.dns" .user)) $own.secret -}}
{{- end }}

{{- define "relevo.caSecret" -}}
{{- if .Values.kafka.ca.secret -}}
{{ .Values.kafka.ca.secret }}
{{- else if .Values.strimzi.cluster -}}
{{ .Values.strimzi.cluster }}-cluster-ca-cert
{{- end -}}
{{- end }}

{{- define "relevo.strimziNamespace" -}}
{{- default .Release.Namespace .Values.strimzi.namespace -}}
{{- end }}

{{/* A value as text for an environment variable: whole numbers have no exponent. */}}
{{- define "relevo.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ printf "%.0f" . }}
{{- else -}}
{{ toString . }}
{{- end -}}
{{- end }}

{{/* A setting as it will be: the service's own, the deployment's, or the code's default. */}}
{{- define "relevo.setting" -}}
{{- $own := default dict .own.settings -}}
{{- if hasKey $own .name -}}
{{ get $own .name }}
{{- else if hasKey .root.Values.settings .name -}}
{{ get .root.Values.settings .name }}
{{- else -}}
{{ .default }}
{{- end -}}
{{- end }}
