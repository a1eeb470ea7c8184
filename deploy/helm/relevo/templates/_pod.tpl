{{/* What every pod has: no rights, no token, a root that nobody writes to, and Kafka's credentials as files. */}}
{{- define "relevo.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "relevo.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Where Kafka is, and who we are there. */}}
{{- define "relevo.kafkaEnv" -}}
{{- $kafka := .root.Values.kafka -}}
- {name: RELEVO_KAFKA_BOOTSTRAP, value: {{ $kafka.bootstrap | quote }}}
- {name: RELEVO_KAFKA_PROFILE, value: {{ $kafka.profile }}}
- {name: RELEVO_KAFKA_SECURITY_PROTOCOL, value: {{ $kafka.securityProtocol }}}
- {name: RELEVO_KAFKA_CLIENT_ID, value: {{ printf "relevo-%s" .name | trunc 64 | quote }}}
{{- if contains "SASL" $kafka.securityProtocol }}
- {name: RELEVO_KAFKA_SASL_MECHANISM, value: {{ $kafka.saslMechanism }}}
- {name: RELEVO_KAFKA_SASL_USERNAME, value: {{ include "relevo.kafkaUser" . | quote }}}
- {name: RELEVO_KAFKA_SASL_PASSWORD_FILE, value: /etc/relevo/kafka/password}
{{- else if eq $kafka.securityProtocol "SSL" }}
- {name: RELEVO_KAFKA_SSL_CERT_FILE, value: /etc/relevo/kafka/user.crt}
- {name: RELEVO_KAFKA_SSL_KEY_FILE, value: /etc/relevo/kafka/user.key}
{{- end }}
{{- if and (contains "SSL" $kafka.securityProtocol) (include "relevo.caSecret" .root) }}
- {name: RELEVO_KAFKA_SSL_CA_FILE, value: /etc/relevo/kafka/ca.crt}
{{- end }}
{{- end }}

{{/* The environment of a container: `own` are the values of its component. */}}
{{- define "relevo.env" -}}
{{ include "relevo.kafkaEnv" . }}
{{- if .own.keyRing }}
- {name: RELEVO_KEYS_FILE, value: /etc/relevo/keys/ring}
{{- end }}
- {name: RELEVO_SERVICE_INSTANCE, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: RELEVO_SERVICE_ADMIN_HOST, value: {{ .root.Values.adminHost | quote }}}
- {name: RELEVO_SERVICE_ADMIN_PORT, value: {{ .root.Values.adminPort | quote }}}
- {name: RELEVO_SERVICE_STOP_S, value: {{ default 20 .own.stopSeconds | quote }}}
- {name: RELEVO_SERVICE_ENDING_FILE, value: /run/relevo/ending}
- {name: RELEVO_SERVICE_LOG_LEVEL, value: {{ .root.Values.logLevel }}}
- {name: RELEVO_SERVICE_LOG_FORMAT, value: json}
{{- with .root.Values.networkPolicy.outside.private }}
- {name: RELEVO_TENANTS_PRIVATE_NETWORKS, value: {{ join "," . | quote }}}
{{- end }}
- {name: RELEVO_PROCESSOR_AGENTS, value: {{ keys .root.Values.agents | sortAlpha | join "," | quote }}}
{{- if eq .name "webhooks" }}
- {name: RELEVO_INGRESS_HOST, value: {{ .root.Values.adminHost | quote }}}
- {name: RELEVO_INGRESS_PORT, value: "8080"}
- {name: RELEVO_INGRESS_TRUSTED_PROXIES, value: {{ .root.Values.route.trustedProxies | quote }}}
{{- end }}
{{- range $name, $value := merge (deepCopy (default dict .own.settings)) .root.Values.settings }}
- {name: {{ $name }}, value: {{ include "relevo.text" $value | quote }}}
{{- end }}
{{- end }}

{{- define "relevo.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: run, mountPath: /run/relevo}
{{- if ne .root.Values.kafka.securityProtocol "PLAINTEXT" }}
- {name: kafka, mountPath: /etc/relevo/kafka, readOnly: true}
{{- end }}
{{- if .own.keyRing }}
- {name: keys, mountPath: /etc/relevo/keys, readOnly: true}
{{- end }}
{{- end }}

{{- define "relevo.volumes" -}}
{{- $kafka := .root.Values.kafka -}}
- {name: tmp, emptyDir: {sizeLimit: {{ default "64Mi" .own.tmp }}}}
- {name: run, emptyDir: {sizeLimit: 1Mi}}
{{- if ne $kafka.securityProtocol "PLAINTEXT" }}
- name: kafka
  projected:
    defaultMode: 288
    sources:
      {{- if or (contains "SASL" $kafka.securityProtocol) (eq $kafka.securityProtocol "SSL") }}
      - secret:
          name: {{ include "relevo.kafkaSecret" . }}
          items:
            {{- if contains "SASL" $kafka.securityProtocol }}
            - {key: {{ $kafka.secretKeys.password }}, path: password}
            {{- else }}
            - {key: {{ $kafka.secretKeys.certificate }}, path: user.crt}
            - {key: {{ $kafka.secretKeys.key }}, path: user.key}
            {{- end }}
      {{- end }}
      {{- if and (contains "SSL" $kafka.securityProtocol) (include "relevo.caSecret" .root) }}
      - secret:
          name: {{ include "relevo.caSecret" .root }}
          items: [{key: {{ $kafka.ca.key }}, path: ca.crt}]
      {{- end }}
{{- end }}
{{- if .own.keyRing }}
- name: keys
  secret:
    secretName: {{ .root.Values.keyRing.secret }}
    defaultMode: 288
    items: [{key: {{ .root.Values.keyRing.key }}, path: ring}]
{{- end }}
{{- end }}

{{/* The part of a pod that is the same for services, tools, tests and jobs. */}}
{{- define "relevo.podBase" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "relevo.podSecurity" . | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ . }}}
  {{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  {{- include "relevo.volumes" . | nindent 2 }}
{{- end }}

{{/* The pod of a service. It has its stop, its drain before that, and ten seconds that nobody should need. */}}
{{- define "relevo.servicePod" -}}
{{- $drain := int (default 0 .own.drainSeconds) -}}
metadata:
  labels: {{ include "relevo.podLabels" (dict "root" .root "name" .name "serves" true) | nindent 4 }}
  {{- with .root.Values.podAnnotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "relevo.podBase" . | nindent 2 }}
  serviceAccountName: {{ include "relevo.fullname" .root }}-{{ .name }}
  terminationGracePeriodSeconds: {{ add (int .own.stopSeconds) $drain 10 }}
  topologySpreadConstraints:
    {{- range $key, $hard := dict "topology.kubernetes.io/zone" .root.Values.spread.zones "kubernetes.io/hostname" .root.Values.spread.nodes }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: {{ $hard }}
      labelSelector:
        matchLabels: {{ include "relevo.selector" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ $.name }}
    {{- end }}
  containers:
    - name: {{ .own.user | replace "_" "-" | lower }}
      image: {{ include "relevo.image" .root | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ toJson .own.args }}
      env: {{ include "relevo.env" . | nindent 8 }}
      ports:
        - {name: admin, containerPort: {{ .root.Values.adminPort }}}
        {{- if eq .name "webhooks" }}
        - {name: http, containerPort: 8080}
        {{- end }}
      startupProbe: {httpGet: {path: /live, port: admin}, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 60}
      livenessProbe: {httpGet: {path: /live, port: admin}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3}
      readinessProbe: {httpGet: {path: /ready, port: admin}, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 2}
      {{- if $drain }}
      lifecycle: {preStop: {sleep: {seconds: {{ $drain }}}}}
      {{- end }}
      terminationMessagePolicy: FallbackToLogsOnError
      resources: {{ toYaml .own.resources | nindent 8 }}
      securityContext: {{ include "relevo.security" . | nindent 8 }}
      volumeMounts: {{ include "relevo.mounts" . | nindent 8 }}
{{- end }}
